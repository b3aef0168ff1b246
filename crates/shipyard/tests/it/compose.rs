//! The compose files as Docker Compose renders them: with TLS and in production, they log and publish no more than they
//! must.
//!
//! Without Docker, these tests check nothing. With Docker, a file that Compose cannot render fails them.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::{Command, Stdio},
};

use contracts::{events::broker_users, gateway::INTERNAL};
use operations::registry::{SERVICES, with_database};
use serde_json::Value;

use crate::repository::{read, root};

pub const PLAIN: &str = "compose.yaml";
pub const TLS: &str = "compose.tls.yaml";
pub const DEVELOPMENT: &str = "development";
const PRODUCTION: &str = "production";
const KAFKA_UI: &str = "kafka-ui";

/// The containers whose ports compose.tls.yaml does not publish.
const STORES: [&str; 3] = ["kafka", "postgres", "redis"];
/// PostgreSQL's settings that keep statements' parameters, and keys in error details, out of its log.
const QUIET: [(&str, &str); 3] =
    [("log_parameter_max_length", "0"), ("log_parameter_max_length_on_error", "0"), ("log_error_verbosity", "terse")];

/// The containers that `docker compose up` starts.
pub struct Rendered(Value);

impl Rendered {
    /// Renders a file without profiles; `None` without Docker.
    pub fn new(file: &str, environment: &str) -> Option<Self> {
        Self::with_profile(file, environment, "")
    }

    pub fn with_profile(file: &str, environment: &str, profile: &str) -> Option<Self> {
        Self::with(file, environment, profile, &[])
    }

    /// Renders a file with a profile and these variables.
    pub fn with(file: &str, environment: &str, profile: &str, variables: &[(String, String)]) -> Option<Self> {
        let mut docker = Command::new("docker");
        docker.envs(variables.iter().cloned());
        docker.args(["compose", "--file", file, "config", "--format", "json"]).current_dir(root());
        // These variables take precedence over a developer's .env.
        docker.env("SHIPYARD_ENVIRONMENT", environment).env("COMPOSE_PROFILES", profile);
        for service in SERVICES {
            docker.env(service.variable("OPEN"), "");
        }
        let output = match docker.stdin(Stdio::null()).output() {
            Ok(output) => output,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                eprintln!("no program `docker`: {file} is not checked");
                return None;
            }
            Err(error) => panic!("docker compose: {error}"),
        };
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "docker compose --file {file} config: {complaint}");
        let rendered: Value = serde_json::from_slice(&output.stdout).expect("it was asked for JSON");
        assert!(rendered["services"].is_object(), "{file} starts nothing: {rendered}");
        Some(Self(rendered["services"].clone()))
    }

    fn services(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.as_object().into_iter().flatten().map(|(name, service)| (name.as_str(), service))
    }

    pub fn variables(&self, container: &str) -> BTreeMap<&str, &str> {
        let variables = self.0[container]["environment"].as_object().into_iter().flatten();
        variables.map(|(name, value)| (name.as_str(), text(value))).collect()
    }

    pub fn command(&self, service: &str) -> Vec<&str> {
        let words = self.0[service]["command"].as_array().unwrap_or_else(|| panic!("{service} has no command"));
        words.iter().filter_map(Value::as_str).collect()
    }

    /// Returns the settings of PostgreSQL's command line, written as `-c name=value` or `-cname=value`.
    pub fn postgres(&self) -> BTreeMap<&str, &str> {
        let words = self.command("postgres");
        words.iter().filter_map(|word| word.strip_prefix("-c").unwrap_or(word).split_once('=')).collect()
    }

    /// Returns a container's limit, such as `memory` in bytes.
    pub fn limit(&self, container: &str, what: &str) -> u64 {
        let limit = &self.0[container]["deploy"]["resources"]["limits"][what];
        limit.as_u64().or_else(|| text(limit).parse().ok()).unwrap_or_else(|| panic!("{container}: {what}: {limit}"))
    }

    /// Returns the addresses published on this machine, each with its container.
    fn published(&self) -> BTreeSet<(&str, String)> {
        let ports = self.services().flat_map(|(name, service)| {
            let ports = service["ports"].as_array().into_iter().flatten();
            ports.map(move |port| (name, format!("{}:{}", text(&port["host_ip"]), text(&port["published"]))))
        });
        ports.collect()
    }

    /// Returns the variables that admit callers without a session, with their values.
    fn open(&self) -> BTreeMap<&str, &str> {
        let variables = self.services().filter_map(|(_, service)| service["environment"].as_object()).flatten();
        variables
            .filter(|(name, _)| name.ends_with("_OPEN"))
            .map(|(name, value)| (name.as_str(), text(value)))
            .collect()
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[test]
fn postgresql_logs_no_data_of_users_with_and_without_tls() {
    let Some((plain, tls)) = Rendered::new(PLAIN, DEVELOPMENT).zip(Rendered::new(TLS, DEVELOPMENT)) else { return };

    for (file, settings) in [(PLAIN, plain.postgres()), (TLS, tls.postgres())] {
        for (name, value) in QUIET {
            assert_eq!(settings.get(name), Some(&value), "{file}: {name}");
        }
    }
}

#[test]
fn postgresql_and_redis_accept_only_tls_with_tls() {
    let Some(tls) = Rendered::new(TLS, DEVELOPMENT) else { return };
    let redis = tls.command("redis");

    assert_eq!(tls.postgres().get("ssl"), Some(&"on"));
    assert!(redis.windows(2).any(|words| words == ["--port", "0"]) && redis.contains(&"--tls-port"), "{redis:?}");
}

/// docs/backup.md takes the backup with `pg_basebackup` in the container.
#[test]
fn postgresql_admits_a_base_backup_from_its_container_and_has_a_place_for_it() {
    let Some((plain, tls)) = Rendered::new(PLAIN, DEVELOPMENT).zip(Rendered::new(TLS, DEVELOPMENT)) else { return };
    let access = read(&root().join("deploy/tls/pg_hba.conf"));

    // In pg_hba.conf, `all` does not include replication.
    let mut rules = access.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    assert!(rules.any(|rule| rule == ["local", "replication", "postgres", "trust"]), "{access}");
    for (file, rendered) in [(PLAIN, &plain), (TLS, &tls)] {
        let mut volumes = rendered.0["postgres"]["volumes"].as_array().into_iter().flatten();
        assert!(volumes.any(|volume| volume["target"] == "/backup"), "{file}");
    }
}

#[test]
fn an_api_is_open_to_everyone_only_in_development_without_tls() {
    for (file, environment) in [(PLAIN, ""), (PLAIN, DEVELOPMENT), (PLAIN, PRODUCTION), (TLS, ""), (TLS, PRODUCTION)] {
        let Some(rendered) = Rendered::new(file, environment) else { return };
        let open = rendered.open();

        let expected = if file == PLAIN && environment != PRODUCTION { "true" } else { "" };
        assert_eq!(open.len(), 2, "{file}: {open:?}");
        assert!(open.values().all(|value| *value == expected), "{file}, SHIPYARD_ENVIRONMENT={environment}: {open:?}");
    }
}

#[test]
fn compose_publishes_on_loopback_what_the_contract_says_and_kafka_ui_only_in_development_without_tls() {
    let rendered = |file, environment| Rendered::with_profile(file, environment, "observability");
    let Some((development, production)) = rendered(PLAIN, "").zip(rendered(PLAIN, PRODUCTION)) else { return };
    let Some((tls, tls_in_production)) = rendered(TLS, "").zip(rendered(TLS, PRODUCTION)) else { return };
    let all = development.published();
    let without = |names: &[&str]| all.iter().filter(|(name, _)| !names.contains(name)).cloned().collect();

    let off_loopback: Vec<_> = all.iter().filter(|(_, address)| !address.starts_with("127.0.0.1:")).collect();
    let ports: BTreeSet<&str> = all.iter().filter_map(|(_, address)| Some(address.split_once(':')?.1)).collect();
    let observability = ["3000", "3100", "4317", "4318", "9090", "9093", "16686"];
    let contract = ["8080", "50051", "50052", "50053", "50054", "50055", "9092", "8090", "5444", "5435", "6333"];

    assert!(off_loopback.is_empty(), "{off_loopback:?}");
    assert!(contract.iter().chain(&observability).all(|port| ports.contains(port)), "{ports:?}");
    assert!(all.contains(&(KAFKA_UI, "127.0.0.1:8090".to_owned())), "{all:?}");
    assert_eq!(production.published(), without(&[KAFKA_UI]));
    for tls in [tls, tls_in_production] {
        assert_eq!(tls.published(), without(&[&STORES[..], &[KAFKA_UI]].concat()));
        assert!(tls.services().all(|(name, _)| name != KAFKA_UI), "{TLS} starts {KAFKA_UI}");
    }
}

#[test]
fn every_container_has_bounds_and_no_privileges() {
    for (file, profile) in [(PLAIN, "tools,observability"), (TLS, "tools,observability,kafka-ui")] {
        let Some(rendered) = Rendered::with_profile(file, "", profile) else { return };
        for (name, service) in rendered.services() {
            let limits = &service["deploy"]["resources"]["limits"];
            let lacks = |what: &str| format!("{file}: {name} lacks {what}");

            for limit in ["pids", "memory", "cpus"] {
                assert!(!limits[limit].is_null(), "{}", lacks(limit));
            }
            assert_eq!(service["cap_drop"], serde_json::json!(["ALL"]), "{}", lacks("cap_drop"));
            assert_eq!(service["security_opt"], serde_json::json!(["no-new-privileges:true"]), "{}", lacks("it"));
            assert!(service["privileged"].is_null() && service["pid"].is_null(), "{file}: {name} is privileged");
            assert!(!service["logging"]["options"]["max-size"].is_null(), "{}", lacks("a bound of its log"));
            let is_writable = service["read_only"] != Value::Bool(true);
            assert_eq!(is_writable, STORES.contains(&name), "{file}: {name}: is its file system writable?");
        }
    }
}

#[test]
fn the_gateway_reaches_no_store_and_no_store_reaches_the_gateway() {
    for file in [PLAIN, TLS] {
        let Some(rendered) = Rendered::with_profile(file, "", "tools,observability,kafka-ui") else { return };
        let networks = |name: &str| rendered.0[name]["networks"].as_object().into_iter().flat_map(|all| all.keys());

        assert!(networks("gateway").eq(["edge", "scrape"]), "{file}: {}", rendered.0["gateway"]["networks"]);
        for name in STORES.into_iter().chain(INTERNAL).chain(["migrate", "kafka-acls"]) {
            assert!(networks(name).eq(["data"]), "{file}: {name}: {}", rendered.0[name]["networks"]);
        }
        let scraped = rendered.services().filter(|(_, service)| service["networks"].get("scrape").is_some());
        assert!(scraped.map(|(name, _)| name).eq(["gateway", "prometheus"]), "{file}: others are in `scrape`, too");
    }
}

#[test]
fn a_secret_is_given_to_those_who_use_it_alone_with_and_without_tls() {
    let all = BTreeSet::from(SERVICES.map(|service| service.name));
    let mut holders: BTreeMap<String, BTreeSet<&str>> = [
        ("POSTGRES_PASSWORD", &["postgres"][..]),
        ("MIGRATOR_DATABASE_PASSWORD", &["migrate", "postgres"]),
        ("AUDITOR_DATABASE_PASSWORD", &["operations", "postgres"]),
        ("BROKER_KAFKA_PASSWORD", &["kafka", "kafka-acls"]),
        ("OPERATOR_KAFKA_PASSWORD", &["kafka"]),
        ("UI_KAFKA_PASSWORD", &["kafka", KAFKA_UI]),
        ("IAM_REDIS_PASSWORD", &["iam", "redis"]),
        ("OPERATOR_REDIS_PASSWORD", &["redis"]),
        ("OUTSIDE_PASSWORD", &["kafka", "redis"]),
        ("BANK_PASSWORD", &["kafka"]),
        // Tokens come from files: as a variable, another value in a shell would recreate all containers.
        ("VAULT_TOKEN", &[]),
    ]
    .into_iter()
    .map(|(secret, holders)| (secret.to_owned(), holders.iter().copied().collect()))
    .collect();
    for secret in ["SERVICE_KEY", "SERVICE_KEY_PREVIOUS"] {
        holders.insert(secret.to_owned(), all.clone());
    }
    // A service's own secrets are among its variables.
    for service in SERVICES {
        let variables = read(&root().join(format!("deploy/templates/env/{}.txt", service.name)));
        let names = variables.lines().filter_map(|line| Some(line.strip_prefix("# ")?.split_once('=')?.0));
        for secret in names.filter(|name| ["_KEY", "_SECRET", "_TOKEN"].iter().any(|end| name.ends_with(end))) {
            holders.insert(secret.to_owned(), BTreeSet::from([service.name]));
        }
    }
    // Operations signs the log of operators' actions with it.
    holders.entry("RECEIPT_KEY".to_owned()).or_default().insert("operations");
    for service in with_database() {
        holders.insert(service.variable("DATABASE_PASSWORD"), BTreeSet::from([service.name, "postgres"]));
    }
    // A service with an optional cache gets the password in the cache's URL.
    for service in SERVICES.into_iter().filter(|service| service.redis) {
        holders.entry(service.variable("REDIS_PASSWORD")).or_insert(BTreeSet::from(["redis"]));
    }
    for user in broker_users() {
        let secret = format!("{}_KAFKA_PASSWORD", user.to_uppercase());
        holders.insert(secret, BTreeSet::from([user, "kafka"]));
    }
    let value = |secret: &str| format!("<{secret}>");
    let variables: Vec<_> = holders.keys().map(|secret| (secret.clone(), value(secret))).collect();

    for file in [PLAIN, TLS] {
        let Some(rendered) = Rendered::with(file, PRODUCTION, KAFKA_UI, &variables) else { return };
        for (secret, holders) in &holders {
            let given = rendered.services().filter(|(_, service)| service.to_string().contains(&value(secret)));
            // With TLS, certificates identify the services, and no service gets the tokens' key.
            let none = BTreeSet::new();
            let holders = if file == TLS && secret.starts_with("SERVICE_KEY") { &none } else { holders };
            assert_eq!(&given.map(|(name, _)| name).collect::<BTreeSet<_>>(), holders, "{file}: {secret}");
        }
        let published: Vec<_> =
            rendered.services().filter(|(_, service)| service.to_string().contains("development-only")).collect();
        assert!(published.is_empty(), "{file}: a published password is left: {published:?}");
    }
}

#[test]
fn a_token_of_vault_is_mounted_into_the_containers_of_its_own_service_alone() {
    for file in [PLAIN, TLS] {
        let Some(rendered) = Rendered::with_profile(file, PRODUCTION, "tools") else { return };
        let mut mounts = BTreeMap::new();
        for (container, service) in rendered.services() {
            let secrets = service["secrets"].as_array().into_iter().flatten();
            for secret in secrets.filter(|secret| secret.to_string().contains("vault_token")) {
                mounts.entry(container).or_insert_with(Vec::new).push(text(&secret["source"]));
                let at = rendered.variables(container)["VAULT_TOKEN_FILE"];
                assert_eq!(at.rsplit('/').next(), text(&secret["target"]).rsplit('/').next(), "{file}: {container}");
            }
            let is_told = rendered.variables(container).contains_key("VAULT_TOKEN_FILE");
            assert_eq!(is_told, mounts.contains_key(container), "{file}: {container}");
        }

        assert!(!mounts.is_empty(), "{file}: no container has a token");
        for (container, mounted) in mounts {
            assert_eq!(mounted, [format!("{container}_vault_token")], "{file}: {container}");
        }
    }
}

#[test]
fn a_private_key_is_mounted_where_it_is_used_and_where_it_is_made() {
    let Some(rendered) = Rendered::new(TLS, "") else { return };
    let mut mounts: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, service) in rendered.services() {
        for volume in service["volumes"].as_array().into_iter().flatten().filter(|volume| volume["type"] == "volume") {
            let source = text(&volume["source"]);
            if source == "authority" || source.starts_with("tls-") && source != "tls-authorities" {
                mounts.entry(source).or_default().insert(name);
            }
            let is_read_only = volume["read_only"] == Value::Bool(true);
            assert!(is_read_only || name == "certificates" || !source.starts_with("tls-"), "{name} may write {source}");
        }
    }

    assert_eq!(mounts.remove("authority"), Some(BTreeSet::from(["certificates"])));
    for (volume, mounted) in &mounts {
        let part = volume.trim_start_matches("tls-");
        // The tool is in a profile.
        let expected: BTreeSet<&str> = [part, "certificates"].into_iter().filter(|name| *name != "shipyard").collect();
        assert_eq!(mounted, &expected, "{volume}");
    }
    for service in SERVICES {
        assert!(mounts.contains_key(format!("tls-{}", service.name).as_str()), "{} has no certificate", service.name);
    }
}
