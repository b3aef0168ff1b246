//! Every variable of the code is in `.env.example`, and reaches the containers.

use std::{collections::BTreeSet, path::PathBuf};

use operations::registry::SERVICES;

use crate::{
    compose::{PLAIN, Rendered},
    repository::{files, read, root},
};

/// The variables that neither reach a container nor are set by Compose.
const NOT_IN_CONTAINERS: [(&str, &str); 13] = [
    ("CLOCK_OFFSET", "tests shift the clock of a process of their own"),
    ("KAFKA_SASL_MECHANISM", "it has only one value"),
    ("LISTEN_IP", "the image sets 0.0.0.0"),
    ("PLAYGROUND_URL", "`lab playground` sets it for a console of its own"),
    ("SHIPYARD_ADMIN_LISTEN", "the port of `cargo run`"),
    ("SHIPYARD_CONFIG", "a file of this machine, for variables that .env has, too"),
    ("SHIPYARD_DATA", "the directory of `cargo run`"),
    ("SHIPYARD_SERVICE", "the image sets it"),
    ("VAULT_KUBERNETES_MOUNT", "a container of Compose has no service account"),
    ("VAULT_KUBERNETES_ROLE", "a container of Compose has no service account"),
    ("VAULT_KUBERNETES_TOKEN_FILE", "a container of Compose has no service account"),
    ("VAULT_TOKEN", "a service has its own token, from a file; one of the shell would recreate its containers"),
    ("TEST_", "the tests run on this machine"),
];

#[test]
fn every_variable_of_the_code_stands_in_the_example_and_the_other_way_round() {
    let documented = names(&read(&root().join(".env.example")));
    let sources = files(&root().join("crates"), "rs").into_iter().filter(|file| file.iter().any(|part| part == "src"));
    let sources: Vec<String> = sources.map(|file| read(&file)).collect();
    let compose = compose_files();
    let fields = fields();

    let unknown: Vec<String> = written()
        .into_iter()
        .filter(|name| {
            let base = name.strip_suffix("_FILE").unwrap_or(name);
            let is_read = |text: &String| [base, name].iter().any(|name| text.contains(&format!("\"{name}\"")));
            !fields.contains(base) && !sources.iter().any(is_read) && !compose.contains(base)
        })
        .collect();
    let undocumented: Vec<&String> = fields.iter().filter(|name| !documented.contains(*name)).collect();

    assert!(unknown.is_empty(), "no code reads these variables of deploy/templates; remove them: {unknown:?}");
    assert!(undocumented.is_empty(), "add these to deploy/templates/env, each with a sentence: {undocumented:?}");
}

#[test]
fn each_variable_of_a_service_reaches_its_own_container() {
    let Some(rendered) = Rendered::new(PLAIN, "") else { return };
    for service in SERVICES {
        let file = root().join(format!("deploy/templates/env/{}.txt", service.name));
        let own = if file.exists() { names(&read(&file)) } else { BTreeSet::new() };
        let given = rendered.variables(service.name);
        let lacking: Vec<&String> = own.iter().filter(|name| !given.contains_key(name.as_str())).collect();
        assert!(lacking.is_empty(), "pass these to {service} in deploy/compose/services.yaml: {lacking:?}");
    }
}

#[test]
fn every_variable_of_the_example_reaches_a_container_or_is_set_there() {
    let (text, written) = (compose_files(), written());
    let is_excepted = |name: &str| NOT_IN_CONTAINERS.iter().any(|(start, _)| name.starts_with(*start));
    // Compose sets the variable: `{ NAME: value }`, or on its own line.
    let is_set = |name: &str| text.contains(&format!(" {name}: "));
    let ignored: Vec<&String> =
        written.iter().filter(|name| !is_excepted(name) && !is_passed(&text, name) && !is_set(name)).collect();
    let stale: Vec<&str> = NOT_IN_CONTAINERS
        .iter()
        .map(|(start, _)| *start)
        .filter(|start| !written.iter().any(|name| name.starts_with(*start) && !is_passed(&text, name)))
        .collect();

    assert!(ignored.is_empty(), "pass these variables in deploy/compose, or list them with a reason: {ignored:?}");
    assert!(stale.is_empty(), "remove these exceptions: {stale:?}");
}

#[test]
fn every_secret_may_come_from_a_file() {
    let (text, endings) = (compose_files(), endings_of_secrets());
    let is_secret = |name: &str| endings.iter().any(|ending| name.to_lowercase().ends_with(ending.as_str()));
    let mut other = Vec::new();
    for config in configs().map(|file| read(&file)) {
        let fields = config.lines().filter(|line| line.contains(": SecretString") || line.contains("<SecretString>"));
        let names =
            fields.filter_map(|line| Some(line.trim().trim_start_matches("pub ").split_once(':')?.0.to_owned()));
        other.extend(names.filter(|name| name.contains('_') && !is_secret(name)));
    }
    let lacking: Vec<String> = written()
        .into_iter()
        .filter(|name| is_secret(name) && is_passed(&text, name))
        .filter(|name| {
            let (file, lower) = (format!("{name}_FILE"), name.to_lowercase());
            !is_passed(&text, &file) || !text.contains(&format!("{file}: /run/secrets/{lower}\n"))
        })
        .collect();

    assert!(other.is_empty(), "add the endings of these secrets to base::config::SECRETS: {other:?}");
    assert!(lacking.is_empty(), "add a secret of Compose, and its path in the variable NAME_FILE: {lacking:?}");
}

/// Returns the names of variables, which may be commented out.
pub fn names(text: &str) -> BTreeSet<String> {
    let lines = text.lines().filter_map(|line| line.trim_start_matches(['#', ' ']).split_once('='));
    let is_name = |name: &&str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    };
    lines.map(|(name, _)| name).filter(is_name).map(str::to_owned).collect()
}

/// Returns the variables that are written by hand: the others follow from the services and topics.
fn written() -> BTreeSet<String> {
    let folder = root().join("deploy/templates");
    let own = files(&folder.join("env"), "txt");
    own.iter().chain([&folder.join(".env.example.j2")]).flat_map(|file| names(&read(file))).collect()
}

fn compose_files() -> String {
    files(&root().join("deploy/compose"), "yaml").iter().map(|file| read(file)).collect()
}

/// Returns true if the text takes a value from the variable.
fn is_passed(text: &str, variable: &str) -> bool {
    ["}", ":", "-"].iter().any(|next| text.contains(&format!("${{{variable}{next}")))
}

/// Returns the files with the services' own configuration.
fn configs() -> impl Iterator<Item = PathBuf> {
    SERVICES.into_iter().map(|service| root().join("crates/services").join(service.name).join("src/config.rs"))
}

/// Returns the variables of the configuration structs: their fields' names in upper case.
fn fields() -> BTreeSet<String> {
    let shared = ["events/src/kafka/config.rs", "platform/src/telemetry/mod.rs", "contracts/src/identity.rs"];
    let shared = shared.into_iter().map(|file| root().join("crates/shared").join(file));
    let mut fields = BTreeSet::new();
    for text in shared.chain(configs()).map(|file| read(&file)) {
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
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

/// Returns the endings of secrets' names, in lower case.
fn endings_of_secrets() -> Vec<String> {
    let text = read(&root().join("crates/shared/base/src/config/mod.rs"));
    let list = text.split_once("const SECRETS: [").and_then(|(_, rest)| rest.split_once("];"));
    let (list, _) = list.expect("the list of the endings");
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}
