//! If older versions of the program do not work after a migration, the migration's name says so.

use crate::tree::{files, read, root, shown};

/// Statements that remove something that older versions may still use.
const REMOVALS: [&str; 6] = ["drop table", "drop column", "drop view", "rename to", "rename column", "set not null"];

#[test]
fn a_migration_that_removes_something_is_named_contract() {
    let mut found = Vec::new();
    let all = files(&root().join("migrations"), "sql");
    for file in all.iter().filter(|file| file.to_string_lossy().ends_with(".up.sql")) {
        let name = shown(file);
        let text = read(file).to_lowercase();
        let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
        let removal = REMOVALS.iter().find(|removal| code.iter().any(|line| line.contains(**removal)));
        if let Some(removal) = removal.filter(|_| !name.contains("_contract_")) {
            found.push(format!("{name}: {removal}"));
        }
    }

    assert!(
        found.is_empty(),
        "older versions that restart after these migrations would start and fail; name them NNNN_contract_<name>, and release them after a \
         version that does not need what they remove:\n{}",
        found.join("\n")
    );
}
