//! Time at the edge: the one place that reads the clock; everything below takes the time as an argument.

use chrono::{DateTime, SubsecRound, Utc};
use tokio::time::Instant;

/// The time now, in microseconds as PostgreSQL keeps it, so that a stored time equals the one it was made from.
#[expect(clippy::disallowed_methods, reason = "this is the edge")]
pub fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}

/// The clock of in-memory repositories: it stands still where tokio's time does, and goes on with it.
#[derive(Clone, Copy, Debug)]
pub struct Virtual {
    start: Instant,
}

impl Virtual {
    /// The time now; the clock starts at 2026-01-01.
    pub fn now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + chrono::Days::new(20_454) + self.start.elapsed()
    }
}

impl Default for Virtual {
    fn default() -> Self {
        Self { start: Instant::now() }
    }
}
