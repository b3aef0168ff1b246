//! Documents name tests and files that there are.

use std::path::Path;

use crate::tree::{files, read, root, shown};

/// The documents that name a test for each guarantee.
const PROMISES: [&str; 2] = ["docs/guarantees.md", "docs/security.md"];

#[test]
fn every_test_that_a_document_names_exists() {
    let sources: String = files(&root().join("crates"), "rs").iter().map(|file| read(file)).collect();
    let mut missing = Vec::new();
    for document in PROMISES {
        let text = read(&root().join(document));
        let named: Vec<&str> = text.split('`').skip(1).step_by(2).filter(|word| is_test_name(word)).collect();
        assert!(!named.is_empty(), "{document} names no test");
        let unknown = named.into_iter().filter(|name| {
            let name = name.rsplit("::").next().unwrap_or(name);
            !sources.contains(&format!("fn {name}("))
        });
        missing.extend(unknown.map(|name| format!("{document}: {name}")));
    }

    assert!(missing.is_empty(), "these tests do not exist; name those that replaced them:\n{}", missing.join("\n"));
}

/// Returns true for a test's name, which is a sentence: several words in snake case.
fn is_test_name(word: &str) -> bool {
    word.matches('_').count() >= 3
        && word.chars().all(|letter| letter.is_lowercase() || letter.is_numeric() || "_:".contains(letter))
}

/// Among others, docs/events.md links each consumer of an event.
#[test]
fn every_file_that_a_document_links_exists() {
    let mut dead = Vec::new();
    let of_folders = ["crates", "deploy", "docs"].map(|folder| files(&root().join(folder), "md")).concat();
    let of_root =
        ["ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "README.md", "SECURITY.md", "migrations/README.md"]
            .map(|file| root().join(file));
    for document in of_folders.into_iter().chain(of_root) {
        let text = read(&document);
        let links = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
        let links = links.filter(|link| !link.is_empty() && !link.contains("://"));
        let folder = document.parent().unwrap_or(Path::new("."));
        dead.extend(
            links.filter(|link| !folder.join(link).exists()).map(|link| format!("{}: {link}", shown(&document))),
        );
    }

    assert!(dead.is_empty(), "these links lead to no file:\n{}", dead.join("\n"));
}
