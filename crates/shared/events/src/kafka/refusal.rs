//! Detects that Kafka refuses a client (a wrong password, a missing right, an untrusted certificate), as opposed to
//! being unavailable.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use rdkafka::{
    consumer::{BaseConsumer, Consumer as _},
    error::{KafkaError, RDKafkaErrorCode},
};

use super::{
    Config, SecurityProtocol,
    connection_errors::{Listening, is_guess},
};

const METADATA_TIMEOUT: Duration = Duration::from_secs(4);

/// How long [`glance`] waits for librdkafka's explanation of a failed plain-text connection.
const GLANCE_TIMEOUT: Duration = Duration::from_secs(1);

/// OpenSSL's error text for a certificate of an unknown authority, of another host name, or outside of its validity
/// period.
const DISTRUST: &str = "certificate verify failed";

/// The broker responds but refuses this client, or this client does not trust the broker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KafkaRefusal {
    #[error(
        "Kafka refuses the credentials: authentication failed; KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD or \
         KAFKA_SECURITY_PROTOCOL is wrong"
    )]
    Credentials,
    #[error("Kafka refuses this user: not authorised for {0}")]
    Right(String),
    #[error(
        "TLS with Kafka fails; the broker's certificate, its name in KAFKA_BROKERS, KAFKA_SSL_CA_FILE or \
         KAFKA_SECURITY_PROTOCOL is wrong: {0}"
    )]
    Tls(String),
}

impl KafkaRefusal {
    /// Returns the refusal that an error stands for, if any. `what` names the resource; `reason` returns librdkafka's
    /// explanation.
    pub(super) fn from_error(error: &KafkaError, what: &str, reason: impl FnOnce() -> Option<String>) -> Option<Self> {
        let code = error.rdkafka_error_code()?;
        match code {
            RDKafkaErrorCode::SSL => Some(Self::Tls(reason().unwrap_or_else(|| error.to_string()))),
            // librdkafka sometimes reports a failed handshake with these codes too.
            RDKafkaErrorCode::BrokerTransportFailure | RDKafkaErrorCode::AllBrokersDown => {
                reason().filter(|reason| reason.contains(DISTRUST)).map(Self::Tls)
            }
            _ => Self::of_code(code, what),
        }
    }

    pub(super) fn of_code(code: RDKafkaErrorCode, what: &str) -> Option<Self> {
        use RDKafkaErrorCode::{
            Authentication, ClusterAuthorizationFailed, GroupAuthorizationFailed, IllegalSASLState,
            SaslAuthenticationFailed, TopicAuthorizationFailed, UnsupportedSASLMechanism,
        };

        match code {
            Authentication | SaslAuthenticationFailed | UnsupportedSASLMechanism | IllegalSASLState => {
                Some(Self::Credentials)
            }
            TopicAuthorizationFailed | GroupAuthorizationFailed | ClusterAuthorizationFailed => {
                Some(Self::Right(what.to_owned()))
            }
            _ => None,
        }
    }

    /// Returns a short reason for the readiness response.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Credentials => "authentication failed",
            Self::Right(_) => "not authorised",
            Self::Tls(_) => "TLS failed",
        }
    }
}

/// Requests metadata of `topics`, or of all topics if `topics` is empty. Returns the number of partitions of each topic
/// that exists. Blocks for up to about four seconds per topic.
///
/// The error is a [`KafkaRefusal`] if the broker refuses the client or does not let it access one of the topics.
pub fn probe(config: &Config, topics: &[&str]) -> anyhow::Result<BTreeMap<String, usize>> {
    let client = client(config)?;
    let mut partitions = BTreeMap::new();
    let all = topics.is_empty().then_some(None);
    for asked in topics.iter().map(|topic| Some(*topic)).chain(all) {
        let metadata = match client.fetch_metadata(asked, METADATA_TIMEOUT) {
            Ok(metadata) => metadata,
            Err(error) => {
                refused(&client)?;
                let error = client.context().reasons.beside(error);
                return Err(anyhow::anyhow!(error)).context("asking Kafka for its metadata");
            }
        };
        for topic in metadata.topics() {
            let refusal = topic.error().and_then(|error| KafkaRefusal::of_code(error.into(), topic.name()));
            refusal.map_or(Ok(()), Err)?;
            if !topic.partitions().is_empty() {
                partitions.insert(topic.name().to_owned(), topic.partitions().len());
            }
        }
    }
    Ok(partitions)
}

fn client(config: &Config) -> anyhow::Result<BaseConsumer<Listening>> {
    config.client().create_with_context(Listening::default()).context("creating a Kafka client")
}

/// Fails if the broker refuses the client. librdkafka reports only a timeout for the request itself, and the reason as
/// a separate event.
pub(super) fn refused(client: &BaseConsumer<Listening>) -> Result<(), KafkaRefusal> {
    let until = Instant::now() + Duration::from_millis(500);
    while Instant::now() < until {
        if let Some(Err(error)) = client.poll(Duration::from_millis(50))
            && let Some(refusal) = KafkaRefusal::from_error(&error, "the cluster", || client.context().reasons.last())
        {
            return Err(refusal);
        }
    }
    Ok(())
}

/// Returns the cause of `error` if a consumer client finds one, since an admin client does not report why it cannot
/// connect.
pub(super) async fn explained(config: &Config, error: KafkaError) -> anyhow::Error {
    let config = config.clone();
    let behind = tokio::task::spawn_blocking(move || match config.kafka_security_protocol {
        SecurityProtocol::Plaintext => glance(&config),
        _ => probe(&config, &[]).err().filter(anyhow::Error::is::<KafkaRefusal>),
    });
    match behind.await {
        Ok(Some(behind)) => behind,
        _ => error.into(),
    }
}

/// Returns librdkafka's guess about a broker that closes plain-text connections, if librdkafka reports one within
/// [`GLANCE_TIMEOUT`].
fn glance(config: &Config) -> Option<anyhow::Error> {
    let client = client(config).ok()?;
    let until = Instant::now() + GLANCE_TIMEOUT;
    while Instant::now() < until && client.fetch_metadata(None, Duration::from_millis(100)).is_err() {
        while client.poll(Duration::ZERO).is_some() {}
        if let Some(reason) = client.context().reasons.take() {
            return is_guess(&reason).then(|| anyhow::anyhow!(reason));
        }
    }
    None
}
