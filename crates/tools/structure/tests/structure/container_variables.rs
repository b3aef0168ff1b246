//! The variables of the containers: what a command or a service reads arrives there.

use std::collections::BTreeSet;

use crate::{
    compose::{PLAIN, Rendered},
    tree::{crates, read, read_without_tests, root, services},
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

#[test]
fn the_tool_creates_operators_by_the_rules_of_iam() {
    let up = read(&root().join("crates/shipyard/src/commands/up/mod.rs"));
    let (_, list) = up.split_once("const OF_OPERATORS").expect("`up` has the list OF_OPERATORS");
    let (list, _) = list.split_once("];").expect("the list has an end");
    let names: Vec<&str> = list.split('"').skip(1).step_by(2).collect();
    let variables: Vec<_> = names.iter().map(|name| ((*name).to_owned(), format!("<{name}>"))).collect();
    let Some(rendered) = Rendered::with(PLAIN, "", "tools", &variables) else { return };

    assert!(names.contains(&"IAM_PASSWORD_MIN"), "the list OF_OPERATORS is read: {names:?}");
    for container in ["iam", "shipyard"] {
        let given = rendered.variables(container);
        for (name, value) in &variables {
            assert_eq!(given.get(name.as_str()), Some(&value.as_str()), "{container}: {name}");
        }
    }
}
