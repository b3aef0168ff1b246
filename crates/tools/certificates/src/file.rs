//! Files that are replaced as a whole, with an owner and a mode.

use std::{
    fs::{self, OpenOptions, Permissions},
    io::{ErrorKind, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, chown},
    path::Path,
};

use anyhow::Context as _;

use crate::Owner;

/// A file that only its owner may read.
pub const SECRET: u32 = 0o600;
/// A file that everyone may read.
pub const PUBLIC: u32 = 0o644;

/// Reads the file's text; `None` if there is no such file.
pub fn read(path: &Path) -> anyhow::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
    }
}

/// Replaces the file atomically: a reader sees the old or the new text.
pub fn write(path: &Path, text: &str, mode: u32, owner: Option<Owner>) -> anyhow::Result<()> {
    let draft = path.with_extension("new");
    let write = || {
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().create_new(true).write(true).mode(SECRET).open(&draft)?;
        file.write_all(text.as_bytes())?;
        if let Some(Owner { user, group }) = owner {
            chown(&draft, Some(user), Some(group))?;
        }
        // Set the mode explicitly, since the umask limits the mode given at creation.
        file.set_permissions(Permissions::from_mode(mode))?;
        file.sync_all()?;
        fs::rename(&draft, path)
    };
    write().with_context(|| format!("writing {}", path.display()))
}
