//! Collects librdkafka's explanations of failed connections, which it reports separately from error codes.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use rdkafka::{ClientContext, config::RDKafkaLogLevel, error::KafkaError};
use tokio::sync::watch;

use super::KafkaRefusal;

/// The facility of librdkafka's log lines about failed connections.
const FAIL: &str = "FAIL";
/// The minimum interval between two warnings of one producer.
const WARNING_INTERVAL: Duration = Duration::from_mins(1);

/// Why a client's last connection failed.
#[derive(Default)]
pub(super) struct Reasons(Mutex<Option<String>>);

impl Reasons {
    /// Stores a log line that explains a failed connection.
    pub fn note(&self, facility: &str, line: &str) {
        if facility == FAIL {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(explain(line));
        }
    }

    pub fn last(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn take(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Formats `error` with the latest reason, which is then forgotten.
    pub fn beside(&self, error: impl fmt::Display) -> String {
        self.take().map_or_else(|| error.to_string(), |reason| format!("{error}: {reason}"))
    }
}

/// Returns the line, with the variable to check if the line only guesses the cause.
fn explain(line: &str) -> String {
    let line = line.trim();
    if is_guess(line) { format!("{line}; if this lasts, KAFKA_SECURITY_PROTOCOL is wrong") } else { line.to_owned() }
}

/// Returns true if the broker closed the connection before its first response. This happens if only one side uses TLS,
/// but also while a broker starts or shuts down.
pub(super) fn is_guess(reason: &str) -> bool {
    reason.contains("Disconnected") && ["APIVERSION_QUERY", "SSL_HANDSHAKE"].iter().any(|state| reason.contains(state))
}

/// The context of a client that only sends queries.
#[derive(Default)]
pub(super) struct Listening {
    pub reasons: Reasons,
}

impl ClientContext for Listening {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, line: &str) {
        self.reasons.note(facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "librdkafka error");
    }
}

impl rdkafka::consumer::ConsumerContext for Listening {}

/// A producer's context. It logs, at most once a minute, why the broker refuses the producer, and reports an untrusted
/// broker through [`Distrust`].
pub(super) struct Witness {
    warned: Mutex<Option<Instant>>,
    distrust: watch::Sender<Option<KafkaRefusal>>,
}

/// The signal that a producer's TLS handshake failed because the broker is not trusted.
#[derive(Clone)]
pub(super) struct Distrust(watch::Receiver<Option<KafkaRefusal>>);

impl Distrust {
    pub fn is_met(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// Waits until a TLS handshake with a broker fails, and returns the reason.
    pub async fn met(&mut self) -> KafkaRefusal {
        let refusal = self.0.wait_for(Option::is_some).await.ok().and_then(|refusal| refusal.clone());
        match refusal {
            Some(refusal) => refusal,
            // The sender is gone because the producer has been dropped.
            None => std::future::pending().await,
        }
    }

    /// Returns true if both belong to the same producer.
    pub fn is(&self, other: &Self) -> bool {
        self.0.same_channel(&other.0)
    }
}

impl Witness {
    pub fn new() -> (Self, Distrust) {
        let (distrust, met) = watch::channel(None);
        (Self { warned: Mutex::default(), distrust }, Distrust(met))
    }

    fn warn(&self, error: &str) {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.is_none_or(|at| at.elapsed() > WARNING_INTERVAL) {
            *warned = Some(Instant::now());
            tracing::warn!(error, "publishing unavailable, retrying");
        }
    }
}

impl ClientContext for Witness {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, line: &str) {
        if facility == FAIL && is_guess(line) {
            self.warn(&explain(line));
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        match KafkaRefusal::from_error(&error, "the cluster", || Some(reason.to_owned())) {
            // The publishing call returns this refusal.
            Some(refusal @ KafkaRefusal::Tls(_)) => {
                self.distrust.send_replace(Some(refusal));
            }
            Some(refusal) => self.warn(&refusal.to_string()),
            None => tracing::debug!(%error, reason, "librdkafka error"),
        }
    }
}
