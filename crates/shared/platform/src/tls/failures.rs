//! Logs failed handshakes with the address of the client, and limits the number of log lines.

use std::{
    fmt,
    net::SocketAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// The maximum number of log lines per [`LOG_INTERVAL`], so that strangers cannot fill the disk.
const MAX_LINES: u32 = 10;
const LOG_INTERVAL: Duration = Duration::from_secs(10);

#[derive(Default)]
pub(super) struct Failures(Mutex<Option<Period>>);

struct Period {
    begun: Instant,
    failures: u32,
}

impl Failures {
    pub fn log(&self, peer: SocketAddr, reason: impl fmt::Display) {
        metrics::counter!("tls_handshake_failures_total").increment(1);
        if let Some(skipped) = self.line() {
            tracing::warn!(%peer, %reason, skipped, "TLS handshake failed");
        }
    }

    /// Counts a failure. Returns how many were not logged in the previous period, if this one must be logged.
    fn line(&self) -> Option<u32> {
        let now = Instant::now();
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(period) = slot.as_mut().filter(|period| now - period.begun < LOG_INTERVAL) {
            period.failures += 1;
            return (period.failures <= MAX_LINES).then_some(0);
        }
        let before = slot.replace(Period { begun: now, failures: 1 });
        Some(before.map_or(0, |period| period.failures.saturating_sub(MAX_LINES)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_failures_is_a_few_lines_and_then_its_number() {
        let failures = Failures::default();

        let lines = (0..1000).filter_map(|_| failures.line()).count();
        tokio::time::advance(LOG_INTERVAL).await;

        assert_eq!((lines, failures.line(), failures.line()), (10, Some(990), Some(0)));
    }
}
