//! A broker with TLS listeners, and the authority that signed its certificate.

use std::time::{Duration, SystemTime};

use certificates::{Authority, Subject};
use servers::kafka::container::ask;
use testcontainers::ImageExt as _;
use tokio::sync::OnceCell;

use crate::{
    containers::{answers, broker, keep, launch, once},
    test_run::Run,
};

/// The file with the broker's key and certificate.
const KEYSTORE: &str = "/tmp/broker.pem";
const LIFETIME: Duration = Duration::from_hours(24);
/// None of these listeners' names ends in SSL, for which the image's scripts would require Java key stores.
const SETTINGS: [(&str, &str); 6] = [
    ("KAFKA_LISTENERS", "PLAINTEXT://:9092,ENCRYPTED://:9096,USERS://:9097,CONTROLLER://:9093"),
    ("KAFKA_LISTENER_SECURITY_PROTOCOL_MAP", "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,ENCRYPTED:SSL,USERS:SASL_SSL"),
    ("KAFKA_SSL_KEYSTORE_TYPE", "PEM"),
    ("KAFKA_SSL_KEYSTORE_LOCATION", KEYSTORE),
    ("KAFKA_SASL_ENABLED_MECHANISMS", "PLAIN"),
    (
        "KAFKA_LISTENER_NAME_USERS_PLAIN_SASL_JAAS_CONFIG",
        "org.apache.kafka.common.security.plain.PlainLoginModule required user_order=\"of-a-test\";",
    ),
];

/// A broker. Its listeners' addresses begin with `localhost`, which is in its certificate.
#[derive(Clone, Debug)]
pub struct TlsKafka {
    /// The address of the listener with the protocol `ssl`.
    pub ssl: String,
    /// The address of the listener with the protocol `sasl_ssl`. Its user `order` has the password `of-a-test`.
    pub sasl_ssl: String,
    /// The authority's certificate, in PEM.
    pub authority: String,
}

/// Returns the broker of this test binary; `None` without a container engine.
pub async fn tls_kafka() -> Option<TlsKafka> {
    static BROKER: OnceCell<Option<TlsKafka>> = OnceCell::const_new();
    once(&BROKER, start).await
}

async fn start() -> anyhow::Result<TlsKafka> {
    let now = SystemTime::now();
    let authority = Authority::create(now, LIFETIME)?;
    let pair = authority.issue(&Subject::store("kafka"), now, LIFETIME)?;
    // The broker must advertise its ports, so they are chosen before it starts.
    let free = servers::free_addresses(3)?;
    let (plain, ssl, users) = (free[0].port(), free[1].port(), free[2].port());
    let advertised = format!("PLAINTEXT://localhost:9092,ENCRYPTED://localhost:{ssl},USERS://localhost:{users}");
    let image = broker(&[(plain, 9092), (ssl, 9096), (users, 9097)], &advertised, &SETTINGS)
        .with_copy_to(KEYSTORE, format!("{}{}", pair.key, pair.certificate).into_bytes());
    let (container, name) = launch(image, Run::current()).await?;
    answers(&container, &name, async || {
        tokio::task::spawn_blocking(move || ask(&format!("127.0.0.1:{plain}"))).await?
    })
    .await?;
    keep(container);
    Ok(TlsKafka {
        ssl: format!("localhost:{ssl}"),
        sasl_ssl: format!("localhost:{users}"),
        authority: authority.certificate().to_owned(),
    })
}
