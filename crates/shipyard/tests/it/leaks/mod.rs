//! No secret and no contact of a user appears in the output of a run: logs of services and PostgreSQL, exported spans
//! and log records, metrics, topics, errors. `.env` is read from the working directory alone, and an error
//! shows no value.

mod run;
mod written;

use std::path::Path;

use operations::registry::SERVICES;
use servers::postgres;

use self::{
    run::Run,
    written::{Secrets, Written},
};
use crate::{
    collector::Collector,
    commands::given,
    customer::ORDERS,
    program::{Variables, shipyard},
    system::System,
};

/// The setting by which operators find slow statements; here it logs all statements.
const SLOW_STATEMENTS: (&str, &str) = ("log_min_duration_statement", "0");
const BOT_TOKEN: &str = "7700123456:AAF-leaks-test-bot-token";
const OPERATOR: &str = "operator";
/// The chat for users without a Telegram contact.
const OPERATORS_CHAT: &str = "-1009988774242";

#[tokio::test]
async fn what_a_run_writes_shows_no_secret_and_no_contact() {
    let home = tempfile::tempdir().unwrap();
    let mut options = postgres::Options::new(home.path().join("postgres"));
    options.settings = vec![SLOW_STATEMENTS, ("fsync", "off"), ("log_min_messages", "info")];
    let postgres = postgres::start(&options).await.unwrap();
    let collector = Collector::start().await;
    let telegram = stand_ins::Telegram::start(BOT_TOKEN).await.unwrap();
    let mut system = System::start_with(
        Some(&postgres.url),
        &[
            ("LOG_LEVEL", "trace"),
            ("LOG_FORMAT", "json"),
            ("LOG_OUTPUTS", "stdout,otlp"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url()),
            ("TELEGRAM_BOT_TOKEN", BOT_TOKEN),
            ("TELEGRAM_CHAT_ID", OPERATORS_CHAT),
            ("TELEGRAM_API_URL", &telegram.url()),
        ],
    )
    .await;

    let mut written = Written::default();
    let run = Run::through(&system, &telegram, &postgres.url, &mut written).await;

    for service in SERVICES {
        written.metrics(&system, service).await;
    }
    // The records and dead letters of this topic are another shop's, with names and addresses.
    let of_others = contracts::events::ORDERS.topic(&system.kafka.topics()).to_owned();
    let mut topics: Vec<String> = system.kafka.topics().all().into_iter().map(str::to_owned).collect();
    topics.retain(|topic| *topic != of_others);
    for topic in topics.iter().flat_map(|topic| [topic.clone(), format!("{topic}.dlq")]) {
        for message in system.kafka.messages(&topic).await {
            let headers = message.headers.iter().flat_map(|(name, value)| [name.as_bytes(), value.unwrap_or_default()]);
            let text = [message.key.as_slice(), message.payload.as_slice()].into_iter().chain(headers);
            written.add(&format!("topic {topic}"), &text.collect::<Vec<_>>().join(&b'\n'));
        }
    }
    system.stop().await;
    for service in SERVICES {
        written.add(&format!("log of {service}"), &std::fs::read(system.log(service)).unwrap());
    }
    postgres.stop().await;
    written.add("log of PostgreSQL", &std::fs::read(options.data.join("log")).unwrap());
    // If the test runs as root, the database's files are in another directory.
    if let Ok(elsewhere) = std::fs::read_link(&options.data) {
        let _ = std::fs::remove_dir_all(elsewhere);
    }
    for (signal, body) in collector.bodies().await {
        written.add(signal, &body);
    }

    // Every source must contain traces of the run; otherwise the search would prove nothing.
    let user = run.user.to_string();
    for (source, text) in [
        ("log of PostgreSQL", "duration: "),
        ("log of PostgreSQL", "duplicate key value"),
        ("log of PostgreSQL", "insert into"),
        ("log of iam", "slow statement"),
        ("log of iam", &user),
        ("log of order", ORDERS),
        ("log of intake", "message dead-lettered"),
        ("trace", "auth.v1.AuthService/Login"),
        ("trace", "customers.v1.CustomerService/CreateCustomer"),
        ("log record", "message dead-lettered"),
        ("log record", &user),
        ("topic", &user),
        ("metrics of iam", "grpc_server_handled_total"),
        ("response", "INVALID_REQUEST"),
    ] {
        assert!(written.mentions(source, text), "no {text} in {source}: {:?}", written.sources());
    }
    for event in [
        "registered",
        "logged_in",
        "login_refused",
        "session_revoked",
        "password_changed",
        "token_refused",
        "contact_code_created",
        "contact_confirmed",
        "contact_refused",
        "contacts_changed",
    ] {
        assert!(written.mentions("log of iam", &format!(r#""event":"{event}""#)), "{event} is in the audit log");
        let none = format!(r#"security_events_total{{event="{event}"}} 0"#);
        assert!(!written.mentions("metrics of iam", &none), "{event} is counted");
    }
    assert!(written.mentions("metrics of iam", r#"security_events_total{event="locked"} 0"#));
    // Proves that the search works: it finds texts that every kind of source contains.
    let mut shown = Secrets::default();
    shown.add("user", &user);
    shown.add("RPC", "auth.v1.AuthService/Login");
    shown.add("content type", "application/problem+json");
    let found = written.leaks(&shown);
    for source in ["log of", "log record", "trace", "metrics of", "topic", "response"] {
        assert!(found.iter().any(|leak| leak.starts_with(source)), "nothing is found in {source}");
    }
    let leaks = written.leaks(&run.secrets);
    assert!(leaks.is_empty(), "{} leaks:\n{}", leaks.len(), leaks.join("\n"));
}

const KEY: &str = "the key that no error shows, 32 bytes and more";

/// Runs a service's health check in `directory`. Returns whether it succeeds, and its output.
fn start(directory: &Path, variables: &Variables) -> (bool, String) {
    let output = shipyard(&["run", "geo", "health"], variables, directory).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn an_error_in_a_file_of_settings_names_its_line_or_variable_and_shows_no_value() {
    for (file, text, named) in [
        (".env", format!("# a comment\n\nSERVICE_KEY={KEY}\n"), ".env: line 3: SERVICE_KEY"),
        (
            ".env",
            format!("LOG_LEVEL=info\nSERVICE_KEY='{KEY}\nREDIS_URL=redis://:{KEY}@localhost\n"),
            ".env: line 2: SERVICE_KEY",
        ),
        (".env", format!("{KEY}\n"), ".env: line 1"),
        ("shipyard.toml", format!("log_level = \"info\"\nservice_key = {KEY}\n"), "line 2"),
        ("shipyard.toml", format!("service_key = \"{KEY}\n"), "line 1"),
        ("shipyard.toml", format!("service_key = [\"{KEY}\"]\n"), "SERVICE_KEY"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(file);
        std::fs::write(&path, &text).unwrap();
        let is_env = file == ".env";
        let variables = if is_env { Variables::new() } else { given("SHIPYARD_CONFIG", &path.display().to_string()) };

        let (well, said) = start(directory.path(), &variables);

        assert!(!well && !said.contains("no error shows") && !said.contains("and more"), "{said}");
        assert!(said.contains(named) && (is_env || said.contains("SHIPYARD_CONFIG")), "{said}");
    }
}

#[test]
fn the_env_file_of_a_parent_directory_is_not_read() {
    let parent = tempfile::tempdir().unwrap();
    std::fs::write(parent.path().join(".env"), format!("SERVICE_KEY={KEY}\n")).unwrap();
    let directory = parent.path().join("below");
    std::fs::create_dir(&directory).unwrap();

    let (_, said) = start(&directory, &Variables::new());

    assert!(!said.contains(".env") && !said.contains("no error shows"), "{said}");
}
