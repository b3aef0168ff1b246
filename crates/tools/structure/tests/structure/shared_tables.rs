//! Tables that several services have are defined in one place.

use crate::tree::{files, read, root, services, shown};

/// The tables with migrations in `migrations/platform`.
const TABLES: [&str; 3] = ["inbox", "leases", "outbox"];
/// The migrations of these tables that are older than `migrations/platform`. They must not change.
const RELEASED: [(&str, i64); 8] = [
    ("assembly", 3),
    ("customers", 1),
    ("delivery", 1),
    ("intake", 1),
    ("inventory", 4),
    ("notification", 5),
    ("order", 5),
    ("payment", 8),
];

#[test]
fn a_service_leaves_the_shared_tables_alone() {
    let mut found = Vec::new();
    for service in services() {
        let released = RELEASED.iter().find(|(name, _)| *name == service.name).map_or(0, |(_, version)| *version);
        for file in files(&root().join("migrations").join(&service.name), "sql") {
            let version = file.file_name().and_then(|name| name.to_str()?.split('_').next()?.parse::<i64>().ok());
            let text = read(&file);
            let code = text.lines().filter(|line| !line.trim_start().starts_with("--"));
            let mut words = code.flat_map(|line| line.split(|letter: char| !letter.is_alphanumeric() && letter != '_'));
            let table = words.find(|word| TABLES.contains(word));
            if let Some(table) = table.filter(|_| version.is_none_or(|version| version > released)) {
                found.push(format!("{}: {table}", shown(&file)));
            }
        }
    }

    assert!(
        found.is_empty(),
        "several services have these tables: change them in migrations/platform/<table>, which each service that names the table in its \
         MIGRATIONS gets:\n{}",
        found.join("\n")
    );
}
