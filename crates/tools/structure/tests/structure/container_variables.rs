//! The containers' variables: what a command or a service reads, its container gets.

use std::collections::BTreeSet;

use crate::{
    compose::{PLAIN, Rendered},
    documents::{documented, endings_of_secrets, listed},
    tree::{crates, files, read, read_without_tests, root, services},
};

/// The crates that tool and console share. They read services' variables by name.
const COMMON: [&str; 2] = ["client", "operations"];
/// The variables of `.env.example` that neither reach a container nor are set by Compose, besides those that end with
/// `LISTEN`.
const NOT_IN_CONTAINERS: [(&str, &str); 11] = [
    ("CLOCK_OFFSET", "tests shift the clock of a process of their own"),
    ("KAFKA_SASL_MECHANISM", "it has only one value"),
    ("LISTEN_IP", "the image sets 0.0.0.0"),
    ("SHIPYARD_CONFIG", "a file of this machine, for variables that .env has, too"),
    ("SHIPYARD_DATA", "the directory of `cargo run`"),
    ("SHIPYARD_SERVICE", "the image sets it"),
    ("VAULT_KUBERNETES_MOUNT", "a container of Compose has no service account"),
    ("VAULT_KUBERNETES_ROLE", "a container of Compose has no service account"),
    ("VAULT_KUBERNETES_TOKEN_FILE", "a container of Compose has no service account"),
    ("VAULT_TOKEN", "a service has its own token, from a file; one of the shell would recreate its containers"),
    ("TEST_", "the tests run on this machine"),
];

fn compose_files() -> String {
    let shared = files(&root().join("deploy/compose"), "yaml");
    shared.iter().map(|file| read(file)).collect()
}

/// Returns true if the text takes a value from the variable.
fn is_passed(text: &str, variable: &str) -> bool {
    ["}", ":", "-"].iter().any(|next| text.contains(&format!("${{{variable}{next}")))
}

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
    let names = listed("crates/shipyard/src/commands/up/mod.rs", "OF_OPERATORS");
    let variables: Vec<_> = names.iter().map(|name| (name.clone(), format!("<{name}>"))).collect();
    let Some(rendered) = Rendered::with(PLAIN, "", "tools", &variables) else { return };

    for container in ["iam", "shipyard"] {
        let given = rendered.variables(container);
        for (name, value) in &variables {
            assert_eq!(given.get(name.as_str()), Some(&value.as_str()), "{container}: {name}");
        }
    }
}

#[test]
fn every_variable_of_the_example_reaches_a_container_or_is_set_there() {
    let text = compose_files();
    let is_excepted = |name: &str| NOT_IN_CONTAINERS.iter().any(|(start, _)| name.starts_with(*start));
    // Compose sets the variable: `{ NAME: value }`, or on its own line.
    let is_set = |name: &str| text.contains(&format!(" {name}: "));
    let documented = documented();
    let ignored: Vec<&String> = documented
        .iter()
        .filter(|name| !name.ends_with("LISTEN") && !is_excepted(name) && !is_passed(&text, name) && !is_set(name))
        .collect();
    let stale: Vec<&str> = NOT_IN_CONTAINERS
        .iter()
        .map(|(start, _)| *start)
        .filter(|start| !documented.iter().any(|name| name.starts_with(*start) && !is_passed(&text, name)))
        .collect();

    assert!(ignored.is_empty(), "pass these variables in deploy/compose, or list them with a reason: {ignored:?}");
    assert!(stale.is_empty(), "remove these exceptions: {stale:?}");
}

#[test]
fn every_secret_that_reaches_a_container_may_come_from_a_file() {
    let text = compose_files();
    let endings = endings_of_secrets();
    let documented = documented();
    let secrets = documented.iter().filter(|name| {
        let is_secret = endings.iter().any(|ending| name.to_lowercase().ends_with(ending.as_str()));
        is_secret && is_passed(&text, name)
    });
    let lacking: Vec<&String> = secrets
        .filter(|name| {
            let (file, lower) = (format!("{name}_FILE"), name.to_lowercase());
            !is_passed(&text, &file) || !text.contains(&format!("{file}: /run/secrets/{lower}\n"))
        })
        .collect();

    assert!(lacking.is_empty(), "add a secret of Compose, and its path in the variable NAME_FILE: {lacking:?}");
}
