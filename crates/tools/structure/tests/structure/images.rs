//! The build of the images has all files that the program includes with `include_str!`. CI packs a program that was
//! compiled outside the images.

use std::path::{Path, PathBuf};

use crate::tree::{crates, read, read_without_tests, root};

#[test]
fn the_images_are_built_with_every_file_that_the_program_includes() {
    let root = root().canonicalize().expect("the workspace exists");
    let ignored = read(&root.join(".dockerignore"));
    let sent: Vec<&str> = ignored.lines().filter_map(|line| line.strip_prefix('!')).collect();
    // The program does without the test kit.
    let program = crates().into_iter().filter(|its| its.name != "testkit");
    let included: Vec<PathBuf> = program.flat_map(|its| its.sources()).flat_map(|source| included(&source)).collect();
    let missing: Vec<String> = included
        .iter()
        .map(|path| path.strip_prefix(&root).expect("it is in the workspace"))
        .filter(|path| !sent.iter().any(|sent| path.starts_with(sent)))
        .map(|path| path.display().to_string())
        .collect();

    assert!(!included.is_empty());
    assert!(missing.is_empty(), ".dockerignore keeps these from the build of the images: {missing:?}");
}

fn included(source: &Path) -> Vec<PathBuf> {
    let text = read_without_tests(source);
    let names = text.split("include_str!(\"").skip(1).filter_map(|rest| rest.split('"').next());
    let folder = source.parent().expect("a file is in a folder");
    names.map(|name| folder.join(name).canonicalize().expect("the compiler found it")).collect()
}
