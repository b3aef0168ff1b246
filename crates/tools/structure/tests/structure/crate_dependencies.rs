//! Dependencies between crates lead only to lower shelves.

use crate::tree::{SHELVES, crates};

#[test]
fn dependencies_point_to_a_lower_shelf() {
    let all = crates();
    let mut wrong = Vec::new();
    for one in &all {
        let manifest = one.manifest();
        let dependencies = manifest.get("dependencies").and_then(toml::Value::as_table).cloned().unwrap_or_default();
        for dependency in all.iter().filter(|other| dependencies.contains_key(&other.name)) {
            let is_sideways = dependency.shelf == one.shelf && SHELVES.get(one.shelf) == Some(&"services");
            if dependency.shelf > one.shelf || is_sideways {
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
