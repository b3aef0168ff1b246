//! The dependencies of crates lead only to lower layers ([`SHELVES`], and [`SHARED`] within the lowest of them), and the
//! crates of the platform contain no word of the domain.

use crate::tree::{Crate, SHELVES, crates, read, read_without_tests, shown};

/// The crates in `crates/shared`, from the lowest layer to the highest. The crates of one layer do not know each other.
const SHARED: [&[&str]; 7] = [
    &["group-commit", "idempotency"],
    &["outbox"],
    &["base"],
    &["store"],
    &["edge", "events"],
    &["platform"],
    &["contracts"],
];
/// The crates that `platform` composes. All other crates name their modules by its name, such as `platform::http`.
const PARTS: [&str; 4] = ["base", "store", "events", "edge"];

/// Words that only a spaceship shop needs, alone or as parts of names.
const DOMAIN: &str = "spaceship shop customer customers courier couriers iam inventory payment payments assembly geo \
    intake console operations order_uuid orderpaid telegram money refund warehouse";

#[test]
fn dependencies_point_to_a_lower_shelf() {
    let all = crates();
    let mut wrong = Vec::new();
    for one in &all {
        let dependencies = dependencies(one);
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

fn dependencies(of: &Crate) -> toml::Table {
    let manifest: toml::Table = read(&of.folder.join("Cargo.toml")).parse().expect("Cargo reads it, too");
    manifest.get("dependencies").and_then(toml::Value::as_table).cloned().unwrap_or_default()
}

fn is_of_platform(one: &Crate) -> bool {
    one.name == "platform" || PARTS.contains(&one.name.as_str())
}

#[test]
fn shared_crates_depend_on_lower_layers_alone() {
    let shared: Vec<Crate> = crates().into_iter().filter(|one| SHELVES.get(one.shelf) == Some(&"shared")).collect();
    let layer = |one: &Crate| SHARED.iter().position(|layer| layer.contains(&one.name.as_str()));
    let unknown: Vec<&str> = shared.iter().filter(|one| layer(one).is_none()).map(|one| one.name.as_str()).collect();
    let mut wrong = Vec::new();
    for one in &shared {
        let dependencies = dependencies(one);
        let known = shared.iter().filter(|other| dependencies.contains_key(&other.name));
        wrong.extend(
            known.filter(|other| layer(other) >= layer(one)).map(|other| format!("{} → {}", one.name, other.name)),
        );
    }

    assert!(unknown.is_empty(), "add these to a layer of SHARED in {}: {unknown:?}", file!());
    assert!(
        wrong.is_empty(),
        "within crates/shared, arrows go contracts → platform → edge, events → store → base, with the published crates below: \
         {wrong:?}.\nMove what both need to the lower crate, or pass it as an argument."
    );
}

#[test]
fn other_crates_name_the_platform_and_not_its_parts() {
    let mut wrong = Vec::new();
    for one in crates().iter().filter(|one| !is_of_platform(one)) {
        let dependencies = dependencies(one);
        let parts = PARTS.iter().filter(|part| dependencies.contains_key(**part));
        wrong.extend(parts.map(|part| format!("{} → {part}", one.name)));
    }

    assert!(wrong.is_empty(), "use the module of the same name in platform instead: {wrong:?}");
}

#[test]
fn the_platform_has_no_word_of_the_domain() {
    let mut found = Vec::new();
    for file in crates().iter().filter(|one| is_of_platform(one)).flat_map(Crate::sources) {
        for (number, line) in read_without_tests(&file).to_lowercase().lines().enumerate() {
            let mut words = line.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
            let is_domain =
                |word: &str| DOMAIN.split(' ').any(|one| one == word || word.split('_').any(|part| part == one));
            if let Some(word) = words.find(|word| is_domain(word)) {
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
