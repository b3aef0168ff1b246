//! Documents name only tests, commands and files that exist.

use std::path::Path;

use crate::tree::{Crate, crates, files, read, root, shown};

/// The documents that name a test for each guarantee, and those that tell strangers and agents what to run.
const DOCUMENTS: [&str; 6] =
    ["AGENTS.md", "README.md", "docs/guarantees.md", "docs/questions.md", "docs/read.md", "docs/security.md"];
/// The number of lines that are read in two hours.
const MAX_LINES_TO_READ: usize = 2_200;

/// A name such as `order::fifty_payments_at_once_charge_once` also says in which crate the test is, so that
/// `cargo test -p order fifty_payments_at_once_charge_once` runs it.
#[test]
fn every_test_command_and_file_that_a_document_names_exists() {
    let source = |its: Crate| (files(&its.folder, "rs").iter().map(|file| read(file)).collect::<String>(), its.name);
    let sources: Vec<(String, String)> = crates().into_iter().map(source).collect();
    let tasks = read(&root().join("Taskfile.yml"));
    let is_in = |name: &str, test: &str| {
        let mut places = sources.iter().filter(|(_, its)| name.is_empty() || its == name);
        places.any(|(source, _)| !is_test_name(test) || source.contains(&format!("fn {test}(")))
    };
    let exists = |line: &str| match line.split_whitespace().collect::<Vec<_>>().as_slice() {
        ["task", name, ..] => tasks.contains(&format!("\n  {name}:\n")),
        ["cargo", "run", rest @ ..] => {
            let program = if rest.contains(&"lab") { "lab" } else { "shipyard" };
            let name = rest.iter().skip_while(|word| **word != "--").nth(1);
            name.is_none_or(|name| name.starts_with('-') || is_subcommand(program, name))
        }
        ["cargo", _, "-p", name, rest @ ..] => {
            is_in(name, "") && rest.iter().all(|word| is_in(name, word.rsplit("::").next().unwrap_or(word)))
        }
        [word] if is_test_name(word) => {
            let (name, test) = word.split_once("::").unwrap_or(("", word));
            is_in(name, test)
        }
        _ => true,
    };
    let mut missing = Vec::new();
    for document in DOCUMENTS {
        let text = read(&root().join(document));
        let code: Vec<&str> = text.split('`').skip(1).step_by(2).flat_map(str::lines).collect();
        assert!(!code.is_empty(), "{document} names nothing");
        let dead = code.into_iter().filter(|line| !exists(line) || line.split_whitespace().any(is_dead_path));
        missing.extend(dead.map(|line| format!("{document}: {line}")));
    }

    assert!(missing.is_empty(), "these do not exist; name what replaced them:\n{}", missing.join("\n"));
}

/// Returns true for a test's name, which is a sentence: several words in snake case.
fn is_test_name(word: &str) -> bool {
    word.matches('_').count() >= 3
        && word.chars().all(|letter| letter.is_lowercase() || letter.is_numeric() || "_:-".contains(letter))
}

/// Looks for a variant of the program's `Command`: `KafkaAcls` for `kafka-acls`.
fn is_subcommand(program: &str, name: &str) -> bool {
    let variant: String = name.split('-').flat_map(|word| [word[..1].to_uppercase(), word[1..].to_owned()]).collect();
    let source = read(&root().join(format!("crates/{program}/src/lib.rs")));
    ["(", ","].iter().any(|end| source.contains(&format!("\n    {variant}{end}")))
}

/// Returns true for a word that begins with a folder of the repository and leads nowhere. `*` and `<` end a path.
fn is_dead_path(word: &str) -> bool {
    let path = word.split(['*', '<']).next().unwrap_or(word);
    let is_ours = |folder: &str| !folder.is_empty() && root().join(folder).is_dir();
    path.split_once('/').is_some_and(|(folder, _)| is_ours(folder) && !root().join(path).exists())
}

#[test]
fn the_path_to_read_is_twelve_files_of_two_hours() {
    let text = read(&root().join("docs/read.md"));
    let rows = text.lines().filter(|line| line.starts_with("| "));
    let files: Vec<&str> = rows.filter_map(|row| row.split("](../").nth(1)?.split(')').next()).collect();
    let lines: usize = files.iter().map(|file| read(&root().join(file)).lines().count()).sum();

    assert!(files.len() == 12 && lines <= MAX_LINES_TO_READ, "docs/read.md: {} files, {lines} lines", files.len());
}

/// This includes the links of docs/events.md to each consumer of an event.
#[test]
fn every_file_that_a_document_links_exists() {
    let mut dead = Vec::new();
    for document in files(&root(), "md").into_iter().chain([root().join("llms.txt")]) {
        let text = read(&document);
        let folder = document.parent().unwrap_or(Path::new("."));
        let links = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
        let links = links.filter(|link| !link.contains("://") && !folder.join(link).exists());
        dead.extend(links.map(|link| format!("{}: {link}", shown(&document))));
    }

    assert!(dead.is_empty(), "these links lead to no file:\n{}", dead.join("\n"));
}
