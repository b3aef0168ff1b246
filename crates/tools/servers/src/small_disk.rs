//! A disk that is full when it is told to be: a tmpfs of a size that can be changed.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context as _;

use crate::process;

/// How often a disk may grow between a look at it and the change of its size.
const ATTEMPTS: usize = 20;
/// What a mount is of, followed by the pid of its owner.
const SOURCE: &str = "shipyard-disk-";

/// A disk in memory over a directory. Dropped, it is gone, and what is on it as soon as nobody uses it.
pub struct SmallDisk {
    directory: PathBuf,
    bytes: u64,
}

impl SmallDisk {
    /// Mounts a disk of so many bytes over the empty `directory`, which only its owner may then enter. Only root on Linux may.
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

    /// Leaves no byte free, at once. What is deleted afterwards is free again, until the next call.
    pub fn fill(&self) -> anyhow::Result<()> {
        let mut outcome = Ok(());
        for _ in 0..ATTEMPTS {
            let disk = rustix::fs::statvfs(&self.directory)?;
            outcome = self.resize((disk.f_blocks - disk.f_bfree) * disk.f_frsize);
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    /// Gives the disk its first size again.
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

/// Unmounts the disks that killed processes left behind.
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
