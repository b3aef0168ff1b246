//! No secret and no contact of a user appears in anything that a run writes: logs of services and of PostgreSQL,
//! traces, topics, errors, metrics.

mod environment;
mod run;
mod traces;
mod written;

use operations::registry::SERVICES;
use servers::postgres;

use self::{run::Run, traces::Traces, written::Written};
use crate::{customer::ORDERS, system::System};

/// A setting of an operator who looks for slow statements; here it logs statements of any length.
const SLOW_STATEMENTS: (&str, &str) = ("log_min_duration_statement", "0");
const BOT_TOKEN: &str = "7700123456:AAF-leaks-test-bot-token";
const OPERATOR: &str = "operator";

#[tokio::test]
async fn what_a_run_writes_shows_no_secret_and_no_contact() {
    let home = tempfile::tempdir().unwrap();
    let mut options = postgres::Options::new(home.path().join("postgres"));
    options.settings = vec![SLOW_STATEMENTS, ("fsync", "off"), ("log_min_messages", "info")];
    let postgres = postgres::start(&options).await.unwrap();
    let traces = Traces::collect().await;
    let telegram = stand_ins::Telegram::start(BOT_TOKEN).await.unwrap();
    let mut system = System::start_with(
        Some(&postgres.url),
        &[
            ("LOG_LEVEL", "trace"),
            ("LOG_FORMAT", "json"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &traces.url()),
            ("TELEGRAM_BOT_TOKEN", BOT_TOKEN),
            ("TELEGRAM_API_URL", &telegram.url()),
            ("IAM_OPERATORS", OPERATOR),
        ],
    )
    .await;

    let mut written = Written::default();
    let run = Run::through(&system, &telegram, &postgres.url, &mut written).await;

    for service in SERVICES {
        written.metrics(&system, service).await;
    }
    let topics: Vec<String> = system.kafka.topics().all().map(str::to_owned).into();
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
    for body in traces.bodies().await {
        written.add("trace", &body);
    }

    // Every source contains traces of the run; otherwise the search would prove nothing.
    let user = run.user.to_string();
    for (source, text) in [
        ("log of PostgreSQL", "duration: "),
        ("log of PostgreSQL", "duplicate key value"),
        ("log of PostgreSQL", "insert into"),
        ("log of iam", "slow statement"),
        ("log of iam", &user),
        ("log of order", ORDERS),
        ("trace", "auth.v1.AuthService/Login"),
        ("topic", &user),
        ("metrics of iam", "grpc_server_handled_total"),
        ("answer", "INVALID_REQUEST"),
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
    ] {
        assert!(written.mentions("log of iam", &format!(r#""event":"{event}""#)), "{event} is in the audit log");
        let none = format!(r#"security_events_total{{event="{event}"}} 0"#);
        assert!(!written.mentions("metrics of iam", &none), "{event} is counted");
    }
    assert!(written.mentions("metrics of iam", r#"security_events_total{event="locked"} 0"#));
    let leaks = written.leaks(&run.secrets);
    assert!(leaks.is_empty(), "{} leaks:\n{}", leaks.len(), leaks.join("\n"));
}
