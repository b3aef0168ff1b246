//! The files of the workspace.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The layers of crates, from the lowest to the highest.
pub const SHELVES: [&str; 3] = ["shared", "services", "tools"];

pub struct Crate {
    pub name: String,
    /// The index of the crate's layer in [`SHELVES`]. The programs `shipyard` and `lab` are above all of them.
    pub shelf: usize,
    pub folder: PathBuf,
}

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..")
}

pub fn crates() -> Vec<Crate> {
    let shelved = SHELVES.iter().enumerate().flat_map(|(shelf, name)| {
        let folders = entries(&root().join("crates").join(name)).into_iter();
        folders.filter(|folder| folder.join("Cargo.toml").exists()).map(move |folder| Crate::new(shelf, folder))
    });
    let program = |(above, name)| Crate::new(SHELVES.len() + above, root().join("crates").join(name));
    shelved.chain(["shipyard", "lab"].into_iter().enumerate().map(program)).collect()
}

pub fn services() -> Vec<Crate> {
    crates().into_iter().filter(Crate::is_service).collect()
}

impl Crate {
    fn new(shelf: usize, folder: PathBuf) -> Self {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Self { name, shelf, folder }
    }

    pub fn is_service(&self) -> bool {
        SHELVES.get(self.shelf) == Some(&"services")
    }

    /// Returns true if the service's descriptor names a database.
    pub fn has_database(&self) -> bool {
        !read(&self.folder.join("src/lib.rs")).contains("database: None")
    }

    /// Returns the sources of library and program, without tests.
    pub fn sources(&self) -> Vec<PathBuf> {
        files(&self.folder.join("src"), "rs")
    }
}

pub fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub fn read_without_tests(path: &Path) -> String {
    if path.ends_with("tests.rs") {
        return String::new();
    }
    let text = read(path);
    let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    text[..end].to_owned()
}

/// Returns the path relative to the root, for messages.
pub fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// Returns the files below `path` whose names end with `.extension`.
pub fn files(path: &Path, extension: &str) -> Vec<PathBuf> {
    let has_extension = |file: &PathBuf| file.extension().is_some_and(|its| its == extension);
    all_files(path).into_iter().filter(has_extension).collect()
}

pub fn all_files(path: &Path) -> Vec<PathBuf> {
    let (folders, mut found): (Vec<_>, Vec<_>) = entries(path).into_iter().partition(|entry| entry.is_dir());
    found.extend(folders.iter().flat_map(|folder| all_files(folder)));
    found
}

/// Returns the files and folders in a folder, sorted, without what programs write.
fn entries(path: &Path) -> Vec<PathBuf> {
    let read = fs::read_dir(path).into_iter().flatten();
    let is_ours = |path: &PathBuf| ![".git", ".shipyard", "target"].iter().any(|name| path.ends_with(name));
    let mut found: Vec<_> = read.filter_map(|entry| Some(entry.ok()?.path())).filter(is_ours).collect();
    found.sort();
    found
}
