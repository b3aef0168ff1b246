//! Data directories outside the shop's own directory, each owned by one symbolic link.

use std::{
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use anyhow::Context as _;

use crate::process;

/// The file in such a directory with the symbolic link's path.
const OWNER: &str = "owner";

/// Creates an empty directory in `base`, and `link` to it. The directory's name is random, so that a deleted link's
/// directory is not reused.
pub fn make(base: &Path, link: &Path) -> anyhow::Result<PathBuf> {
    let place = place(link)?;
    for orphan in orphans(base, &place) {
        tracing::warn!(
            "{} holds the data of a shop that was in {} before; if that was deleted, and not moved, delete this too",
            orphan.display(),
            place.display()
        );
    }
    let home = base.join(format!("shipyard-{}", platform::ids::random().simple()));
    process::private_directory(&home)?;
    process::write_private(&home.join(OWNER), &place.to_string_lossy())?;
    let _ = std::fs::remove_file(link);
    symlink(&home, link).with_context(|| format!("linking {} to {}", link.display(), home.display()))?;
    Ok(home)
}

/// Makes `link` the owner of `home`. Fails if another link owns it: then this link is a copy.
pub fn claim(home: &Path, link: &Path) -> anyhow::Result<()> {
    let place = place(link)?;
    if let Some(owner) = owner(home)
        && owner != place
        && std::fs::read_link(&owner).is_ok_and(|target| target == home)
    {
        anyhow::bail!(
            "{} is a link to {}, which belongs to {}; delete the link to start without data, or name another directory with --data",
            link.display(),
            home.display(),
            owner.display()
        );
    }
    process::write_private(&home.join(OWNER), &place.to_string_lossy())
}

/// Returns the directories in `base` whose owner was a link at this path.
fn orphans(base: &Path, place: &Path) -> Vec<PathBuf> {
    let homes = std::fs::read_dir(base).into_iter().flatten().flatten().map(|entry| entry.path());
    homes.filter(|home| owner(home).is_some_and(|owner| owner == place)).collect()
}

fn owner(home: &Path) -> Option<PathBuf> {
    std::fs::read_to_string(home.join(OWNER)).ok().map(PathBuf::from)
}

/// Returns the path of the link itself, not of its target.
fn place(link: &Path) -> anyhow::Result<PathBuf> {
    let parent = link.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(parent.canonicalize()?.join(link.file_name().unwrap_or_default()))
}
