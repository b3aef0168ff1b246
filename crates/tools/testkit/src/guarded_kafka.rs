//! A broker with the users and rights of a production broker, started by `deploy/kafka/start.sh`.

use std::path::Path;

use contracts::events::{Topics, broker_users, rights};
use platform::{
    config::Settings,
    kafka::{Config, ensure_topics, probe, set_acls},
};
use testcontainers::ImageExt as _;
use tokio::sync::OnceCell;

use crate::{
    containers::{answers, broker, keep, launch, once},
    test_run::Run,
};

const PASSWORD: &str = "of-a-test";
/// The path at which compose mounts the script.
const SCRIPT: &str = "/etc/shipyard/kafka/start.sh";
const LISTENERS: [(&str, &str); 5] = [
    ("KAFKA_LISTENERS", "INSIDE://:19092,OUTSIDE://:9092,ROTATED://:9095,CONTROLLER://localhost:9093"),
    (
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP",
        "INSIDE:SASL_PLAINTEXT,OUTSIDE:SASL_PLAINTEXT,ROTATED:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT",
    ),
    ("KAFKA_INTER_BROKER_LISTENER_NAME", "INSIDE"),
    ("KAFKA_AUTO_CREATE_TOPICS_ENABLE", "false"),
    (
        "KAFKA_LISTENER_NAME_ROTATED_PLAIN_SASL_JAAS_CONFIG",
        "org.apache.kafka.common.security.plain.PlainLoginModule required user_order=\"rotated\";",
    ),
];

#[derive(Clone, Debug)]
pub struct GuardedKafka {
    pub brokers: String,
    /// The address of a listener that accepts no password of [`Self::settings`], as after a rotation.
    pub rotated: String,
}

/// Returns the broker of this test binary; `None` without a container engine.
pub async fn guarded_kafka() -> Option<GuardedKafka> {
    static BROKER: OnceCell<Option<GuardedKafka>> = OnceCell::const_new();
    once(&BROKER, start).await
}

impl GuardedKafka {
    /// Returns the variables of a client that authenticates as `user`.
    pub fn settings(&self, user: &str) -> Settings {
        Settings::from_variables([
            ("KAFKA_BROKERS", self.brokers.clone()),
            ("KAFKA_TOPIC_PARTITIONS", "1".to_owned()),
            ("KAFKA_SECURITY_PROTOCOL", "sasl_plaintext".to_owned()),
            ("KAFKA_SASL_USERNAME", user.to_owned()),
            ("KAFKA_SASL_PASSWORD", PASSWORD.to_owned()),
            // As in the containers, `shipyard kafka-acls` creates the topics as this user.
            ("KAFKA_CREATE_TOPICS", (user == "broker").to_string()),
        ])
    }

    pub fn config(&self, user: &str) -> Config {
        Config::load(&self.settings(user)).expect("these settings are complete")
    }
}

async fn start() -> anyhow::Result<GuardedKafka> {
    // The broker must advertise its ports, so they are chosen before it starts.
    let free = servers::free_addresses(2)?;
    let (outside, rotated) = (free[0].port(), free[1].port());
    let advertised = format!("INSIDE://localhost:19092,OUTSIDE://127.0.0.1:{outside},ROTATED://127.0.0.1:{rotated}");
    let mut image = broker(&[(outside, 9092), (rotated, 9095)], &advertised, &LISTENERS)
        .with_env_var("OUTSIDE_PASSWORD", PASSWORD)
        .with_env_var("BANK_PASSWORD", PASSWORD)
        .with_cmd(["bash", SCRIPT]);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../deploy/kafka/start.sh");
    image = image.with_copy_to(SCRIPT, std::fs::read(script)?);
    for user in broker_users().into_iter().chain(["broker", "operator", "ui"]) {
        image = image.with_env_var(format!("{}_KAFKA_PASSWORD", user.to_uppercase()), PASSWORD);
    }
    let (container, name) = launch(image, Run::current()).await?;
    let kafka = GuardedKafka { brokers: format!("127.0.0.1:{outside}"), rotated: format!("127.0.0.1:{rotated}") };
    answers(&container, &name, async || {
        let config = kafka.config("broker");
        tokio::task::spawn_blocking(move || probe(&config, &[]).map(drop)).await?
    })
    .await?;
    let topics = Topics::default();
    set_acls(&kafka.config("broker"), &rights(&topics, "")).await?;
    ensure_topics(&kafka.config("broker"), &topics.all()).await?;
    keep(container);
    Ok(kafka)
}
