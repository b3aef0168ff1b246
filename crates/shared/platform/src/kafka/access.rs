//! Refusals by the broker: a wrong password or a missing right, told apart from a broker that is away.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use rdkafka::{
    consumer::{BaseConsumer, Consumer as _},
    error::{KafkaError, RDKafkaErrorCode},
};

use super::Config;

/// How long a broker may take to say whether it lets a client in.
const TIMEOUT: Duration = Duration::from_secs(4);

/// The broker answers, and refuses this client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error(
        "Kafka refuses the credentials: authentication failed; KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD or \
         KAFKA_SECURITY_PROTOCOL is wrong"
    )]
    Credentials,
    #[error("Kafka refuses this user: not authorised for {0}")]
    Right(String),
}

impl Refusal {
    /// The refusal that an error means, if it means one. `what` was to be used.
    pub fn of(error: &KafkaError, what: &str) -> Option<Self> {
        Self::of_code(error.rdkafka_error_code()?, what)
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

    /// In a few words, for readiness.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Credentials => "authentication failed",
            Self::Right(_) => "not authorised",
        }
    }
}

/// Asks the broker for its metadata, and for `topics`, as a client of this configuration. Blocks for some seconds at most.
///
/// An error is a [`Refusal`] where the broker refuses the client or does not let it see one of the topics.
pub fn probe(config: &Config, topics: &[&str]) -> anyhow::Result<()> {
    let client: BaseConsumer = config.client().create().context("creating a Kafka client")?;
    let all = topics.is_empty().then_some(None);
    for asked in topics.iter().map(|topic| Some(*topic)).chain(all) {
        let metadata = match client.fetch_metadata(asked, TIMEOUT) {
            Ok(metadata) => metadata,
            Err(error) => {
                refused(&client)?;
                return Err(error).context("asking Kafka for its metadata");
            }
        };
        for topic in metadata.topics() {
            let refusal = topic.error().and_then(|error| Refusal::of_code(error.into(), topic.name()));
            refusal.map_or(Ok(()), Err)?;
        }
    }
    Ok(())
}

/// librdkafka answers a request to a broker that refuses it with a timeout, and tells the reason beside that.
fn refused(client: &BaseConsumer) -> Result<(), Refusal> {
    let until = Instant::now() + Duration::from_millis(500);
    while Instant::now() < until {
        if let Some(Err(error)) = client.poll(Duration::from_millis(50))
            && let Some(refusal) = Refusal::of(&error, "the cluster")
        {
            return Err(refusal);
        }
    }
    Ok(())
}

/// `error`, or the refusal that is behind it: an admin client does not tell why it has no connection.
pub(super) async fn explained(config: &Config, error: KafkaError) -> anyhow::Error {
    if config.kafka_security_protocol.wants_user() {
        let config = config.clone();
        let probed = tokio::task::spawn_blocking(move || probe(&config, &[])).await;
        if let Ok(Err(behind)) = probed
            && behind.is::<Refusal>()
        {
            return behind;
        }
    }
    error.into()
}

/// A client's context that logs why the broker refuses it, at most once a minute.
#[derive(Default)]
pub(super) struct Witness {
    logged: std::sync::Mutex<Option<Instant>>,
}

impl rdkafka::ClientContext for Witness {
    fn error(&self, error: KafkaError, reason: &str) {
        let Some(refusal) = Refusal::of(&error, "the cluster") else {
            tracing::debug!(%error, reason, "librdkafka");
            return;
        };
        let mut logged = self.logged.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if logged.is_none_or(|at| at.elapsed() > Duration::from_mins(1)) {
            *logged = Some(Instant::now());
            tracing::warn!(error = %refusal, "publishing unavailable, retrying");
        }
    }
}
