//! Logs an outage of publishing once when it begins and once when it ends, however many errors occur in between.

use std::{fmt, time::Duration};

use tokio::time::Instant;

/// An outage ends after this time without an error.
const RECOVERED_AFTER: Duration = Duration::from_mins(1);

#[derive(Default)]
pub struct Outage {
    current: Option<Current>,
}

struct Current {
    begun: Instant,
    last: Instant,
    errors: u64,
}

impl Outage {
    /// Logs the first error of an outage as a warning, later ones at debug level.
    pub fn met(&mut self, error: impl fmt::Display) {
        let now = Instant::now();
        if let Some(current) = &mut self.current {
            current.last = now;
            current.errors += 1;
            tracing::debug!(task = "relay", %error, "publishing still unavailable, retrying");
        } else {
            self.current = Some(Current { begun: now, last: now, errors: 1 });
            tracing::warn!(task = "relay", %error, "publishing unavailable, retrying");
        }
    }

    pub fn over(&mut self) {
        if let Some(Current { begun, last, errors }) = self.current.take() {
            tracing::info!(task = "relay", lasted = ?(last - begun), errors, "publishing recovered");
        }
    }

    /// Returns once there has been no error for a minute. Never returns if there is no outage.
    pub async fn subsided(&self) {
        match &self.current {
            Some(current) => tokio::time::sleep_until(current.last + RECOVERED_AFTER).await,
            None => std::future::pending().await,
        }
    }
}
