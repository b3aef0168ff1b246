//! Documents and code agree.

use std::collections::BTreeSet;

use crate::tree::{crates, files, read, root, services, shown};

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

#[test]
fn every_crate_has_a_readme() {
    let missing: Vec<String> = crates()
        .iter()
        .map(|one| one.folder.join("README.md"))
        .filter(|file| !file.exists())
        .map(|file| shown(&file))
        .collect();

    assert!(missing.is_empty(), "write a README of a few lines, which says what the crate is for: {missing:?}");
}

/// Returns true for a test's name, which is a sentence: several words in snake case.
fn is_test_name(word: &str) -> bool {
    word.matches('_').count() >= 3
        && word.chars().all(|letter| letter.is_lowercase() || letter.is_numeric() || "_:".contains(letter))
}

#[test]
fn every_variable_of_the_code_stands_in_the_example_and_the_other_way_round() {
    let documented = documented();
    let sources: Vec<String> = crates().iter().flat_map(crate::tree::Crate::sources).map(|file| read(&file)).collect();
    let compose: String = files(&root().join("deploy"), "yaml").iter().map(|file| read(file)).collect();
    let fields = fields();
    let common: BTreeSet<String> = services()
        .iter()
        .flat_map(|service| {
            ["LISTEN", "GRPC_LISTEN", "HTTP_LISTEN", "ADMIN_LISTEN", "ADDRESS", "DATABASE_URL", "DATABASE_CONNECTIONS"]
                .map(|suffix| format!("{}_{suffix}", service.name.to_uppercase()))
        })
        .collect();

    let unknown: Vec<&String> = documented
        .iter()
        .filter(|name| {
            let base = name.strip_suffix("_FILE").unwrap_or(name);
            let is_read = |text: &String| [base, name].iter().any(|name| text.contains(&format!("\"{name}\"")));
            !fields.contains(base) && !common.contains(base) && !sources.iter().any(is_read) && !compose.contains(base)
        })
        .collect();
    let undocumented: Vec<&String> = fields.iter().filter(|name| !documented.contains(*name)).collect();

    assert!(unknown.is_empty(), ".env.example has variables that no code reads; remove them: {unknown:?}");
    assert!(undocumented.is_empty(), "add these variables to .env.example, each with a sentence: {undocumented:?}");
}

pub fn documented() -> BTreeSet<String> {
    let example = read(&root().join(".env.example"));
    example
        .lines()
        .filter_map(|line| line.trim_start_matches(['#', ' ']).split_once('='))
        .map(|(name, _)| name.to_owned())
        .filter(|name| {
            !name.is_empty()
                && name.chars().all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_')
        })
        .collect()
}

/// Returns the variables of the configuration structs: their fields' names in upper case.
fn fields() -> BTreeSet<String> {
    let shared = ["platform/src/kafka/config.rs", "platform/src/telemetry/mod.rs", "contracts/src/identity.rs"];
    let shared = shared.into_iter().map(|file| root().join("crates/shared").join(file));
    let own = services().into_iter().map(|service| service.folder.join("src/config.rs"));
    let mut fields = BTreeSet::new();
    for file in shared.chain(own) {
        let text = crate::tree::read_without_tests(&file);
        for section in text.split("Deserialize)]\n").skip(1) {
            let body =
                section.split_once("{\n").and_then(|(_, body)| body.split_once("\n}")).map_or("", |(body, _)| body);
            for line in body.lines().map(str::trim).filter(|line| !line.starts_with(['/', '#'])) {
                let name = line.trim_start_matches("pub ").split(':').next().unwrap_or_default();
                fields.insert(name.to_uppercase());
            }
        }
    }
    fields.remove("");
    fields
}

/// Returns the texts of the list `const NAME` in a source.
pub fn listed(file: &str, name: &str) -> Vec<String> {
    let text = read(&root().join(file));
    let list = text.split_once(&format!("const {name}: [")).and_then(|(_, rest)| rest.split_once("];"));
    let (list, _) = list.unwrap_or_else(|| panic!("{file} has no list {name}"));
    let texts: Vec<String> = list.split('"').skip(1).step_by(2).map(str::to_owned).collect();
    assert!(texts.len() > 1, "{file}: {name} is read: {texts:?}");
    texts
}

/// Returns the endings of secrets' names, in lower case.
pub fn endings_of_secrets() -> Vec<String> {
    listed("crates/shared/platform/src/config/mod.rs", "SECRETS")
}

#[test]
fn every_secret_may_come_from_a_file() {
    let endings = endings_of_secrets();
    let mut other = Vec::new();
    for service in services() {
        let text = read(&service.folder.join("src/config.rs"));
        let fields = text.lines().filter(|line| line.contains(": SecretString") || line.contains("<SecretString>"));
        other.extend(
            fields
                .filter_map(|line| Some(line.trim().trim_start_matches("pub ").split_once(':')?.0.to_owned()))
                .filter(|name| name.starts_with(&service.name) || name.contains('_'))
                .filter(|name| !endings.iter().any(|ending| name.ends_with(ending.as_str()))),
        );
    }

    assert!(other.is_empty(), "add the endings of these secrets to platform::config::SECRETS: {other:?}");
}
