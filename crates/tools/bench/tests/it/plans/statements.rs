//! The crates' statements, as sqlx's macros store them in `.sqlx`, and the sources that contain them.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

/// Crates whose statements run in the databases of several services. The crates that are published know the names of
/// their tables only at run time.
pub const SHARED: [&str; 1] = ["crates/shared/store"];

/// Returns the statements of the crate `outbox`, which knows the names of its tables only at run time.
pub fn of_outbox() -> Vec<Statement> {
    let statement = |text: String| Statement {
        place: format!("crates/shared/outbox ({} …)", beginning(&text)),
        // PostgreSQL infers the types of the parameters.
        types: vec!["unknown".to_owned(); (1..100).take_while(|number| text.contains(&format!("${number}"))).count()],
        text,
    };
    outbox::statements(&outbox::Tables::default()).into_iter().map(statement).collect()
}

fn beginning(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(90).collect()
}

pub struct Statement {
    /// The source file, and the beginning of the statement.
    pub place: String,
    pub text: String,
    pub types: Vec<String>,
}

/// Returns the statements of the crate in this folder, without those that only its tests use.
pub fn of(folder: &str) -> Vec<Statement> {
    let sources = sources(&root().join(folder));
    let (tests, sources): (Vec<_>, Vec<_>) = sources.into_iter().partition(|source| source.is_test);
    let mut statements = Vec::new();
    for path in files(&root().join(folder).join(".sqlx"), "json") {
        let kept: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let text = kept["query"].as_str().unwrap();
        let has = |source: &&Source| source.letters.contains(&letters(text));
        let source = sources.iter().find(has);
        if source.is_none() && tests.iter().any(|source| has(&source)) {
            continue;
        }
        let parameters = kept["describe"]["parameters"]["Left"].as_array().unwrap();
        let file = source.map_or(path.display().to_string(), |source| source.path.clone());
        statements.push(Statement {
            place: format!("{file} ({} …)", beginning(text)),
            text: text.to_owned(),
            types: parameters.iter().map(|name| type_of(name.as_str().unwrap())).collect(),
        });
    }
    statements
}

/// Returns the sources outside of tests that pass a statement to sqlx without its macros.
pub fn unchecked() -> BTreeSet<String> {
    let all = ["crates/services"].into_iter().chain(SHARED).flat_map(|folder| sources(&root().join(folder)));
    let has_unchecked = |source: &Source| {
        ["sqlx::query", "sqlx::raw_sql", "sqlx::QueryBuilder"].iter().any(|call| {
            source.text.match_indices(call).any(|(at, _)| {
                let rest =
                    source.text[at + call.len()..].trim_start_matches(|one: char| one.is_alphanumeric() || one == '_');
                rest.starts_with(['(', ':', '<'])
            })
        })
    };
    // Operations reads every service's database, and no single one could check these statements.
    let reads_all = |source: &Source| {
        let own = source.path.strip_prefix("crates/services/operations/src/");
        own.is_some_and(|file| !file.starts_with("repository/"))
    };
    all.filter(|source| !source.is_test && !reads_all(source) && has_unchecked(source))
        .map(|source| source.path)
        .collect()
}

struct Source {
    /// The path from the root of the repository.
    path: String,
    text: String,
    letters: String,
    is_test: bool,
}

fn sources(folder: &Path) -> Vec<Source> {
    let source = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        let path = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
        let is_test = path.contains("/tests/") || path.ends_with("/tests.rs");
        Source { letters: letters(&text), path, text, is_test }
    };
    files(folder, "rs").into_iter().map(source).collect()
}

/// Returns the letters and digits of a statement, which do not depend on line breaks, escapes and the source's string
/// pieces.
fn letters(text: &str) -> String {
    text.chars().filter(|one| one.is_ascii_alphanumeric() || *one == '$').collect()
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|one| one == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..")
}

/// Returns PostgreSQL's name of a type that sqlx names differently.
fn type_of(name: &str) -> String {
    if let Some(element) = name.strip_suffix("Array") {
        return format!("{}[]", type_of(element));
    }
    match name {
        "Bool" | "Bytea" | "Date" | "Float8" | "Int2" | "Int4" | "Int8" | "Jsonb" | "Text" | "Timestamptz" | "Uuid" => {
            name.to_ascii_lowercase()
        }
        _ => panic!("the type {name} is not known here"),
    }
}
