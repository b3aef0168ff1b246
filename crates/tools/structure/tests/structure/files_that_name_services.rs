//! Lists the files that contain services' names, so that a new service does not need changes in ever more places.
//! Rendered files do not count.

use std::{collections::BTreeSet, fs};

use crate::tree::{all_files, root, services, shown};

/// The files that list services: they name at least [`A_LIST`] of them. A new service may have to be added to each. A
/// folder ends with `/`.
const LISTS: &[(&str, &str)] = &[
    ("crates/services/operations/src/registry.rs", "the registry, and the readers of databases"),
    ("crates/shared/contracts/src/events/catalogue.rs", "who publishes and consumes each event"),
    ("crates/tools/audit/src/invariants/reactions.rs", "what each consumer does about an event"),
    ("crates/tools/chaos/src/", "which services a fault strikes, and their settings under chaos"),
    ("crates/tools/simulation/tests/simulation/shop.rs", "a composition root over twins"),
    ("crates/shipyard/tests/it/system.rs", "the whole system"),
    ("deploy/compose/services.yaml", "each service's own settings"),
    ("deploy/templates/.env.example.j2", "variables that are not only one service's"),
    ("deploy/templates/deploy/k8s/base/SERVICE.yaml.j2", "what differs from service to service"),
    ("deploy/README.md", "variables of some services"),
    ("docs/", "documents"),
    ("CHANGELOG.md", "variables that have changed"),
];
/// The service whose crate has the registry, over which others loop: only `operations::SERVICE` names it.
const REGISTRY: &str = "operations";
/// The number of service names that make a list: half of the first ten services.
const A_LIST: usize = 5;

#[test]
fn few_files_list_services() {
    let names: Vec<String> = services().into_iter().map(|service| service.name).collect();
    let mut found = Vec::new();
    let mut lists = BTreeSet::new();
    for (file, text) in texts() {
        let listed: Vec<&str> = names.iter().map(String::as_str).filter(|name| is_named(&text, name)).collect();
        if listed.len() < A_LIST {
            continue;
        }
        match LISTS.iter().find(|(place, _)| file == *place || place.ends_with('/') && file.starts_with(place)) {
            Some((place, _)) => {
                lists.insert(*place);
            }
            // A crate's dependencies may list the services that it uses.
            None if file.ends_with("Cargo.toml") || file.starts_with("crates/services/") => {}
            None => found.push(format!("{file}: {}", listed.join(", "))),
        }
    }
    let over: Vec<&str> = LISTS.iter().map(|(place, _)| *place).filter(|place| !lists.contains(place)).collect();

    assert!(
        found.is_empty(),
        "these files list services, so that each new service has to be added to them. Loop over operations::registry::SERVICES or over \
         contracts::events::ROUTES instead.\nWhere that cannot be, add the file with its reason to LISTS in {}, and to \"Add a service\" in \
         CONTRIBUTING.md:\n{}",
        file!(),
        found.join("\n")
    );
    assert!(over.is_empty(), "these list no services any more; take them out of LISTS in {}: {over:?}", file!());
}

/// Returns true if the text names the service: `"geo"`, `geo::SERVICE`, `GEO_LISTEN`, or a key `geo:`. The plain word
/// does not count, since many names are English words.
fn is_named(text: &str, name: &str) -> bool {
    let variable = format!("{}_", name.to_uppercase());
    let is_key = text.lines().any(|line| {
        let line = line.trim_start().trim_start_matches("- ");
        line.strip_prefix(name).is_some_and(|rest| rest == ":" || rest.starts_with(".workspace"))
    });
    let path = if name == REGISTRY { "::SERVICE" } else { "::" };
    is_key
        || text.contains(&format!("\"{name}\""))
        || occurrences(text, name).any(|(before, after)| !before.ends_with("::") && after.starts_with(path))
        || occurrences(text, &variable).any(|(_, after)| after.starts_with(|next: char| next.is_ascii_uppercase()))
}

/// Returns the text before and after each place where `word` begins a word.
fn occurrences<'t>(text: &'t str, word: &'t str) -> impl Iterator<Item = (&'t str, &'t str)> {
    text.match_indices(word)
        .map(move |(at, _)| (&text[..at], &text[at + word.len()..]))
        .filter(|(before, _)| !before.ends_with(|last: char| last.is_alphanumeric() || last == '_'))
}

/// Returns every text of the repository with its path from the root, without rendered files and these tests.
fn texts() -> Vec<(String, String)> {
    let skipped = [".sqlx", "structure", "snapshots", "corpus", "artifacts", ".env"];
    let files = all_files(&root()).into_iter().map(|file| (shown(&file), file)).filter(|(name, file)| {
        !name.split('/').any(|part| skipped.contains(&part))
            && !file.extension().is_some_and(|its| its == "lock" || its == "svg")
    });
    let texts = files.filter_map(|(name, file)| Some((name, fs::read_to_string(file).ok()?)));
    let is_rendered = |text: &str| text.lines().take(1).any(|line| line.contains("Rendered by `shipyard render` from"));
    texts.filter(|(_, text)| !is_rendered(text)).collect()
}
