//! The dependencies of crates lead only to lower layers ([`SHELVES`]), and `platform` contains no word of the domain.

use crate::tree::{SHELVES, crates, read, read_without_tests, shown};

/// Words that only a spaceship shop needs.
const DOMAIN: &str = "spaceship iam inventory payment assembly order_uuid orderpaid telegram money refund warehouse";

#[test]
fn dependencies_point_to_a_lower_shelf() {
    let all = crates();
    let mut wrong = Vec::new();
    for one in &all {
        let manifest: toml::Table = read(&one.folder.join("Cargo.toml")).parse().expect("Cargo reads it, too");
        let dependencies = manifest.get("dependencies").and_then(toml::Value::as_table).cloned().unwrap_or_default();
        for dependency in all.iter().filter(|other| dependencies.contains_key(&other.name)) {
            let is_sideways = dependency.shelf == one.shelf && SHELVES.get(one.shelf) == Some(&"services");
            // The service operations reads the databases of all services, and audits them.
            if one.name != "operations" && (dependency.shelf > one.shelf || is_sideways) {
                wrong.push(format!("{} → {}", one.name, dependency.name));
            }
        }
    }

    assert!(
        wrong.is_empty(),
        "arrows go lab → shipyard → tools → services → shared, and no service imports another: {wrong:?}.\n\
         Move what both need to a lower shelf (crates/shared), or let the services talk over gRPC or events."
    );
}

#[test]
fn the_platform_has_no_word_of_the_domain() {
    let platform = crates().into_iter().find(|one| one.name == "platform").unwrap();
    let mut found = Vec::new();
    for file in platform.sources() {
        for (number, line) in read_without_tests(&file).to_lowercase().lines().enumerate() {
            let mut words = line.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
            if let Some(word) = words.find(|word| DOMAIN.split(' ').any(|one| one == *word)) {
                found.push(format!("{}:{}: {word}", shown(&file), number + 1));
            }
        }
    }

    assert!(
        found.is_empty(),
        "the platform serves any domain; move these to crates/shared/contracts or to a service:\n{}",
        found.join("\n")
    );
}
