//! A service is registered in a few places, and in all of them.

use std::{collections::BTreeSet, fs};

use crate::{
    events::{Declared, declared, is_broker_user},
    tree::{Crate, crates, files, read, read_without_tests, root, services, shown},
};

/// The file with the ports of services that other services call. A service without callers may define its port in its
/// `SERVICE` instead.
const PORTS: &str = "crates/shared/contracts/src/ports.rs";

const REGISTRY: &str = "crates/tools/operations/src/registry.rs";
const MANIFEST: &str = "crates/tools/operations/Cargo.toml";
const COMPOSE: &str = "deploy/compose/services.yaml";
const EXAMPLE: &str = ".env.example";

/// Checks a service's six parts: its crate, its contract, its migrations, its line in the registry, its block in
/// compose, and its variables.
#[test]
fn a_service_is_in_each_of_the_six_places() {
    let (registry, example, blocks) = (text(REGISTRY), text(EXAMPLE), blocks());
    let (registry, _) = registry.split_once("];").expect("the registry has an end");
    let services = services();
    let mut missing = Vec::new();
    for service in &services {
        let Crate { name, .. } = service;
        let mut lacks = |what: String| missing.push(format!("{name}: {what}"));
        contract(service).into_iter().for_each(&mut lacks);
        if service.has_database() != root().join("migrations").join(name).is_dir() {
            lacks(format!("`database` in its SERVICE, unless that is None, and migrations/{name} belong together"));
        }
        if !registry.contains(&format!("&{name}::SERVICE")) {
            lacks(format!("{REGISTRY} lacks its line, `&{name}::SERVICE`, with the dependency in {MANIFEST}"));
        }
        match blocks.iter().find(|(of, _)| of == name) {
            Some((_, block)) => block_lacks(service, block).into_iter().for_each(&mut lacks),
            None => lacks(format!("{COMPOSE} lacks its block, a document with `services: {name}:`; copy assembly's")),
        }
        let variables = variables(service).into_iter().filter(|variable| !example.contains(&format!("# {variable}=")));
        variables.for_each(|variable| lacks(format!("{EXAMPLE} lacks its variable {variable}")));
    }
    for (name, place) in named(registry, &blocks) {
        if services.iter().all(|service| service.name != name) {
            missing.push(format!("{name}: {place} has it, and crates/services/{name} does not exist"));
        }
    }

    assert!(missing.is_empty(), "add these, as CONTRIBUTING.md says under \"Add a service\":\n{}", missing.join("\n"));
}

fn text(file: &str) -> String {
    read(&root().join(file))
}

/// Returns the compose blocks, each with its service's name.
fn blocks() -> Vec<(String, String)> {
    let text = text(COMPOSE);
    let documents = text.split("\n---\n").skip(1);
    documents.filter_map(|block| Some((first_key(block, "services:\n  ")?.to_owned(), block.to_owned()))).collect()
}

fn first_key<'t>(text: &'t str, before: &str) -> Option<&'t str> {
    Some(text.split_once(before)?.1.split_once(':')?.0)
}

/// Returns the services that the registry, compose and the migrations name, each with the place that names it.
fn named(registry: &str, blocks: &[(String, String)]) -> Vec<(String, &'static str)> {
    let registered =
        registry.split('&').filter_map(|rest| Some((rest.split_once("::SERVICE")?.0.to_owned(), REGISTRY)));
    let composed = blocks.iter().map(|(name, _)| (name.clone(), COMPOSE));
    let migrated = fs::read_dir(root().join("migrations")).into_iter().flatten().flatten();
    let migrated = migrated.filter(|entry| entry.path().is_dir());
    let migrated = migrated.map(|entry| (entry.file_name().to_string_lossy().into_owned(), "migrations/"));
    registered.chain(composed).chain(migrated).collect()
}

/// Returns the missing parts of a service's contract: the .proto of each RPC with an access rule, or an OpenAPI
/// document.
fn contract(service: &Crate) -> Vec<String> {
    let sources: String = service.sources().iter().map(|file| read(file)).collect();
    let rules = sources
        .split("Rule::")
        .skip(1)
        .filter_map(|rule| rule.split_once("(\"")?.1.strip_prefix('/')?.split('"').next());
    let served: BTreeSet<&str> = rules.filter_map(|method| method.split_once('/').map(|(rpc, _)| rpc)).collect();
    let contracts: String = files(&root().join("proto"), "proto").iter().map(|file| read(file)).collect();
    let described = |path: &str| {
        let (package, name) = path.rsplit_once('.').unwrap_or_default();
        contracts.contains(&format!("package {package};")) && contracts.contains(&format!("service {name} {{"))
    };
    let mut lacks: Vec<String> = served
        .iter()
        .filter(|path| !described(path))
        .map(|path| format!("no file below proto/ has {path}, for which it has a rule"))
        .collect();
    if served.is_empty() && read(&service.folder.join("src/lib.rs")).contains("openapi: None") {
        let name = &service.name;
        lacks.push(format!(
            "it serves nothing: add proto/{name}/v1/{name}.proto and RULES in its src/api, or an `openapi` document"
        ));
    }
    lacks
}

/// The services with a database that the console's audit does not read.
const NOT_AUDITED: [&str; 2] = ["iam", "console"];

/// Returns the missing parts of a service's compose block.
fn block_lacks(service: &Crate, block: &str) -> Vec<String> {
    let (name, upper) = (&service.name, service.name.to_uppercase());
    let mut wanted = vec![
        (format!("/shipyard-{name}:${{SHIPYARD_VERSION"), "its image"),
        (format!("SERVICE: {name},"), "the service that its image runs"),
        (format!("scale: ${{{upper}_REPLICAS:-1}}"), "the number of its replicas"),
        (format!("\"${{TLS_MOUNT:+tls-{name}}}\""), "the mount of its certificate"),
        (
            format!("certificates: {{ volumes: [\"tls-{name}:/certificates/{name}\"] }}"),
            "where its certificate is made",
        ),
        (format!("volumes: {{ tls-{name}: }}"), "the volume of its certificate"),
    ];
    if service.has_database() {
        wanted.extend([
            (format!("@postgres:5432/{name}${{TLS_DATABASE-}}"), "the URL of its database"),
            (format!("postgres: {{ environment: {{ {upper}_DATABASE_PASSWORD:"), "what makes its database and role"),
            (
                format!("migrate: {{ environment: {{ {upper}_DATABASE_URL:"),
                "its database's URL for the one who migrates it",
            ),
            (format!("{upper}_DATABASE_URL: *database }}"), "its database's URL for the tool"),
        ]);
        if !NOT_AUDITED.contains(&name.as_str()) {
            let url = format!("console: {{ environment: {{ {upper}_DATABASE_URL: \"postgres://auditor:");
            wanted.push((url, "its database's URL for the console, which makes receipts and audits"));
        }
    }
    if is_broker_user(name) {
        wanted.extend([
            ("with-database-and-topics".to_owned(), "what services with topics have in common"),
            (format!("KAFKA_SASL_USERNAME: {name}"), "its user at the broker"),
            (format!("kafka: {{ environment: {{ {upper}_KAFKA_PASSWORD:"), "the password of its user, for the broker"),
        ]);
    }
    let lacks = wanted.into_iter().filter(|(text, _)| !block.contains(text));
    let mut lacks: Vec<String> =
        lacks.map(|(text, what)| format!("its block in {COMPOSE} lacks {what}: {text}")).collect();
    let exposed: BTreeSet<&str> =
        first_line(block, "PORTS: ").split(|c: char| !c.is_ascii_digit()).filter(|port| !port.is_empty()).collect();
    let ports = ports_in(service, &["port:", "second_api:", "admin_port:"]);
    if exposed != ports.iter().map(String::as_str).collect() {
        lacks.push(format!("PORTS of its block in {COMPOSE} are {exposed:?}, those of its SERVICE {ports:?}"));
    }
    lacks
}

fn first_line<'t>(text: &'t str, after: &str) -> &'t str {
    text.split_once(after).and_then(|(_, rest)| rest.lines().next()).unwrap_or_default()
}

/// Returns the default ports of a service's APIs, from its descriptor.
pub fn api_ports(service: &Crate) -> BTreeSet<String> {
    ports_in(service, &["port:", "second_api:"])
}

fn ports_in(service: &Crate, fields: &[&str]) -> BTreeSet<String> {
    let (descriptor, known) = (read(&service.folder.join("src/lib.rs")), text(PORTS));
    let lines = descriptor.lines().map(str::trim).filter(|line| fields.iter().any(|field| line.starts_with(field)));
    let words = lines.flat_map(|line| line.split(|letter: char| !letter.is_alphanumeric() && letter != '_'));
    words
        .filter_map(|word| match word.parse::<u16>() {
            Ok(_) => Some(word.to_owned()),
            Err(_) => Some(first_line(&known, &format!("const {word}: u16 = ")).strip_suffix(';')?.to_owned()),
        })
        .collect()
}

/// Returns the variables that every service needs.
fn variables(service: &Crate) -> Vec<String> {
    let mut suffixes = vec!["LISTEN", "ADMIN_LISTEN", "REPLICAS"];
    if service.has_database() {
        suffixes.extend(["DATABASE_URL", "DATABASE_CONNECTIONS", "DATABASE_PASSWORD"]);
    }
    if is_broker_user(&service.name) {
        suffixes.push("KAFKA_PASSWORD");
    }
    suffixes.into_iter().map(|suffix| format!("{}_{suffix}", service.name.to_uppercase())).collect()
}

/// The compiler checks that the catalogue has each consumer of the services; this test checks the other direction.
#[test]
fn the_services_have_each_consumer_of_the_catalogue() {
    let sources: Vec<(String, String)> = services()
        .into_iter()
        .map(|service| {
            let text = service.sources().iter().map(|file| read_without_tests(file)).collect();
            (service.name, text)
        })
        .collect();
    let mut missing = Vec::new();
    for Declared { event, consumers, .. } in declared() {
        for consumer in consumers {
            let group = format!("group::<{event}>(\"{consumer}\")");
            if !sources.iter().any(|(name, text)| *name == consumer && text.contains(&group)) {
                missing.push(format!("{consumer} lacks `{group}` and a consumer in this group"));
            }
        }
    }

    assert!(missing.is_empty(), "the catalogue of events names these consumers:\n{}", missing.join("\n"));
}

#[test]
fn ports_stand_in_one_place() {
    let ports: BTreeSet<String> = services().iter().flat_map(api_ports).collect();
    let mut found = Vec::new();
    for one in crates() {
        let places = [root().join(PORTS), one.folder.join("src/lib.rs")];
        let places = if one.is_service() { &places[..] } else { &places[..1] };
        for file in one.sources().into_iter().filter(|file| !places.contains(file)) {
            let text = read_without_tests(&file);
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            if code.clone().any(|line| ports.iter().any(|number| line.contains(number.as_str()))) {
                found.push(shown(&file));
            }
        }
    }

    assert!(ports.len() >= services().len(), "each service has a port: {ports:?}");
    assert!(found.is_empty(), "use contracts::ports or a service's SERVICE instead of the number in {found:?}");
}
