//! A disk that can be filled on demand: a tmpfs whose size can be changed.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context as _;

use crate::process;

/// The number of attempts to resize the disk to its usage, which may grow meanwhile.
const MAX_ATTEMPTS: usize = 20;
/// The prefix of a mount's device name; the owner's pid follows.
const SOURCE: &str = "shipyard-disk-";

/// A tmpfs mounted over a directory, unmounted on drop. Its content is freed once no process uses it.
pub struct SmallDisk {
    directory: PathBuf,
    bytes: u64,
}

impl SmallDisk {
    /// Mounts a tmpfs of this size over the empty `directory`, accessible only to its owner. Requires root on Linux.
    pub fn mount(directory: &Path, bytes: u64) -> anyhow::Result<Self> {
        anyhow::ensure!(
            cfg!(target_os = "linux") && process::is_root(),
            "a small disk is a mount, which only root on Linux can make"
        );
        let directory = directory.canonicalize().with_context(|| directory.display().to_string())?;
        let is_empty = std::fs::read_dir(&directory)?.next().is_none();
        anyhow::ensure!(is_empty, "{} is not empty: a disk over it would hide what is there", directory.display());
        let (source, options) = (format!("{SOURCE}{}", std::process::id()), format!("size={bytes},mode=0700"));
        run(Command::new("mount").args(["-t", "tmpfs", "-o", &options, &source]).arg(&directory))
            .context("a small disk is a mount, which root may not make here")?;
        Ok(Self { directory, bytes })
    }

    /// Fills the disk. Space freed later is available until the next call.
    pub fn fill(&self) -> anyhow::Result<()> {
        let mut outcome = Ok(());
        for _ in 0..MAX_ATTEMPTS {
            let disk = rustix::fs::statvfs(&self.directory)?;
            outcome = self.resize((disk.f_blocks - disk.f_bfree) * disk.f_frsize);
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    /// Restores the original size.
    pub fn free(&self) -> anyhow::Result<()> {
        self.resize(self.bytes)
    }

    fn resize(&self, bytes: u64) -> anyhow::Result<()> {
        let options = format!("remount,size={bytes}");
        run(Command::new("mount").args(["-o", &options]).arg(&self.directory)).context("changing a small disk's size")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = run(Command::new("umount").arg("-l").arg(&self.directory));
    }
}

/// Unmounts the disks of killed processes.
pub fn sweep() {
    let mounts = std::fs::read_to_string("/proc/mounts").unwrap_or_default();
    for mount in mounts.lines().filter_map(|line| line.strip_prefix(SOURCE)) {
        let mut fields = mount.split(' ');
        if let (Some(owner), Some(directory)) = (fields.next(), fields.next())
            && !owner.parse().is_ok_and(process::is_alive)
        {
            let _ = run(Command::new("umount").arg("-l").arg(directory));
        }
    }
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command.output().with_context(|| command.get_program().to_string_lossy().into_owned())?;
    let said = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "{}", said.lines().next().unwrap_or("it failed"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_disk_hides_nothing() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("precious"), "data").unwrap();

        let refused = SmallDisk::mount(directory.path(), 1 << 20).err().unwrap().to_string();

        assert!(refused.contains("is not empty") || refused.contains("root"), "{refused}");
        assert!(directory.path().join("precious").exists());
    }
}
