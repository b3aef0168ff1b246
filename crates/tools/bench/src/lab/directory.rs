//! The directory of a run. It is emptied before and after the run, and rejected if it contains foreign files.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use servers::process;

/// The file that marks a directory as the benchmark's.
const MARK: &str = ".shipyard-bench";

pub struct Directory {
    path: PathBuf,
    _lock: File,
}

impl Directory {
    /// Creates the directory, or empties that of an earlier run. Fails if another run uses it, or if it contains
    /// foreign files.
    pub fn claim(path: &Path) -> anyhow::Result<Self> {
        // The lock file is beside the directory: inside, it would be deleted with it.
        let beside = path.with_extension("lock");
        fs::create_dir_all(&beside).with_context(|| format!("making {}", beside.display()))?;
        let lock = process::lock(&beside)?;
        empty(path)?;
        fs::create_dir_all(path)
            .and_then(|()| File::create(path.join(MARK)))
            .context(format!("making {}", path.display()))?;
        Ok(Self { path: path.canonicalize().context("finding the directory for data")?, _lock: lock })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn delete(self) {
        // The next run deletes the rest.
        let _ = empty(&self.path);
    }
}

fn empty(path: &Path) -> anyhow::Result<()> {
    let shown = path.display();
    if !path.exists() {
        return Ok(());
    }
    let is_empty = fs::read_dir(path).with_context(|| format!("reading {shown}"))?.next().is_none();
    anyhow::ensure!(
        is_empty || path.join(MARK).exists(),
        "--data: {shown} would be emptied, and holds what is not of an earlier benchmark; name another directory"
    );
    // If the benchmark runs as root, another user owns PostgreSQL's data, and a symbolic link leads to it.
    let data = path.join("postgres");
    let _ = fs::read_link(&data).and_then(fs::remove_dir_all);
    fs::remove_dir_all(path).with_context(|| format!("emptying {shown}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_earlier_run_left_is_deleted() {
        let all = tempfile::tempdir().unwrap();
        let path = all.path().join("bench");
        let first = Directory::claim(&path).unwrap();
        fs::write(first.path().join("shop.log"), "a line").unwrap();
        drop(first);

        let second = Directory::claim(&path).unwrap();

        assert!(!second.path().join("shop.log").exists());
        second.delete();
        assert!(!path.exists());
    }

    #[test]
    fn a_directory_of_somebody_else_is_refused_and_stays() {
        let all = tempfile::tempdir().unwrap();
        let path = all.path().join("home");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("letter.txt"), "dear").unwrap();

        let error = Directory::claim(&path).err().unwrap().to_string();

        assert!(error.starts_with("--data: ") && error.contains("would be emptied"), "{error}");
        assert!(path.join("letter.txt").exists());
    }

    #[test]
    fn a_directory_in_use_is_refused() {
        let all = tempfile::tempdir().unwrap();
        let path = all.path().join("bench");
        let _first = Directory::claim(&path).unwrap();

        let error = Directory::claim(&path).err().unwrap();

        assert!(error.to_string().contains("in use by another running program"), "{error}");
    }
}
