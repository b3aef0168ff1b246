//! Tables of several services are defined in one place.

use crate::tree::{files, read, root, services, shown};

/// The tables with migrations in `migrations/platform`.
const TABLES: [&str; 3] = ["inbox", "leases", "outbox"];

#[test]
fn a_service_leaves_the_shared_tables_alone() {
    let mut found = Vec::new();
    for service in services() {
        for file in files(&root().join("migrations").join(&service.name), "sql") {
            let text = read(&file);
            let code = text.lines().filter(|line| !line.trim_start().starts_with("--"));
            let mut words = code.flat_map(|line| line.split(|letter: char| !letter.is_alphanumeric() && letter != '_'));
            if let Some(table) = words.find(|word| TABLES.contains(word)) {
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
