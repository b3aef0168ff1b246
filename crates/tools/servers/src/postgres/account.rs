//! The account that runs PostgreSQL, which refuses to run as root: the account of this process, or an unprivileged one
//! if this process runs as root.

use std::{
    os::unix::fs::{PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context as _;

use super::elsewhere;
use crate::process;

pub enum Account {
    Ourselves,
    Other { name: &'static str, uid: u32, gid: u32 },
}

impl Account {
    pub fn choose() -> anyhow::Result<Self> {
        if !process::is_root() {
            return Ok(Self::Ourselves);
        }
        ["postgres", "nobody"]
            .into_iter()
            .find_map(|name| Some(Self::Other { name, uid: id("-u", name)?, gid: id("-g", name)? }))
            .context("PostgreSQL refuses to run as root, and there is no user `postgres` to run it as; run this as another user")
    }

    /// Returns the server's directory, created if necessary. It is `data` itself, so that deleting `data` deletes
    /// everything. If the account cannot enter `data`, as below root's home, `data` is a symbolic link to a new
    /// directory.
    pub fn home(&self, data: &Path) -> anyhow::Result<PathBuf> {
        if matches!(self, Self::Ourselves) {
            process::private_directory(data)?;
            return Ok(data.canonicalize()?);
        }
        if let Ok(home) = std::fs::read_link(data)
            && home.is_dir()
        {
            elsewhere::claim(&home, data)?;
            return Ok(home);
        }
        let parent = data.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::create_dir_all(parent)?;
        if data.is_dir() || is_open_to_others(&parent.canonicalize()?)? {
            process::private_directory(data)?;
            self.own(data)?;
            return Ok(data.canonicalize()?);
        }
        let home = elsewhere::make(Self::base(), data)?;
        self.own(&home)?;
        Ok(home)
    }

    /// Returns the base directory for an account without a home.
    pub fn base() -> &'static Path {
        let debian = Path::new("/var/lib/postgresql");
        if debian.is_dir() { debian } else { Path::new("/var/lib") }
    }

    /// Makes the account a file's owner.
    pub fn own(&self, path: &Path) -> anyhow::Result<()> {
        if let Self::Other { uid, gid, .. } = self {
            chown(path, Some(*uid), Some(*gid)).with_context(|| path.display().to_string())?;
        }
        Ok(())
    }

    /// Returns a command that runs `program` as this account. The program gets `signal` when this process dies, where
    /// the system supports it.
    pub fn command(&self, program: &Path, signal: Option<&str>) -> anyhow::Result<Command> {
        let Self::Other { name, uid, gid } = self else {
            return Ok(match signal {
                Some(signal) => process::mortal(program, signal),
                None => Command::new(program),
            });
        };
        let mut command;
        if let Some(setpriv) = process::find("setpriv") {
            command = Command::new(setpriv);
            command.args([format!("--reuid={uid}"), format!("--regid={gid}"), "--clear-groups".to_owned()]);
            command.args(signal.into_iter().flat_map(|signal| ["--pdeathsig", signal])).arg("--");
            command.args(signal.into_iter().flat_map(|_| process::unless_orphaned())).arg(program);
        } else if let Some(runuser) = process::find("runuser") {
            command = Command::new(runuser);
            command.args(["-u", name, "--"]).arg(program);
        } else if let Some(su) = process::find("su") {
            command = Command::new(su);
            command.args(["-s", "/bin/sh", name, "-c", r#"exec "$0" "$@""#]).arg(program);
        } else {
            anyhow::bail!("PostgreSQL refuses to run as root, and none of setpriv, runuser and su is here");
        }
        Ok(command)
    }
}

/// Returns true if every account may traverse `directory` and its parents.
fn is_open_to_others(directory: &Path) -> anyhow::Result<bool> {
    for ancestor in directory.ancestors() {
        let mode = ancestor.metadata().with_context(|| ancestor.display().to_string())?.permissions().mode();
        if mode & 0o001 == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

fn id(what: &str, name: &str) -> Option<u32> {
    let output = Command::new("id").args([what, name]).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}
