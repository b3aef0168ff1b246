//! The variables of the containers: what a command or a service reads arrives there.

use std::collections::BTreeSet;

use crate::{
    compose::{PLAIN, Rendered},
    tree::{crates, read_without_tests, services},
};

/// The crates that tool and console have in common. They read variables of services by their names.
const COMMON: [&str; 2] = ["client", "operations"];

#[test]
fn the_tool_and_the_console_get_each_variable_of_a_service_that_their_audits_and_receipts_read() {
    let Some(rendered) = Rendered::with_profile(PLAIN, "", "tools") else { return };
    let common = crates().into_iter().filter(|one| COMMON.contains(&one.name.as_str()));
    let sources: String = common.flat_map(|one| one.sources()).map(|file| read_without_tests(&file)).collect();
    let services = services();
    let others = services.iter().map(|service| service.name.as_str()).filter(|name| *name != "console");
    let read: BTreeSet<&str> = others
        .flat_map(|name| rendered.variables(name).into_keys())
        .filter(|variable| sources.contains(&format!("\"{variable}\"")))
        .collect();

    assert!(read.contains("ASSEMBLY_BUILD_MAX") && read.contains("DELIVERY_MOVE_EVERY"), "{read:?}");
    for container in ["console", "shipyard"] {
        let given = rendered.variables(container);
        let lacking: Vec<&str> = read.iter().copied().filter(|variable| !given.contains_key(variable)).collect();
        assert!(lacking.is_empty(), "pass these variables to the container {container}, too: {lacking:?}");
    }
}
