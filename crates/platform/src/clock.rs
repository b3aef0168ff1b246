//! Time at the edge: the one place that reads the clock; everything below takes the time as an argument.

use chrono::{DateTime, SubsecRound, Utc};

/// The time now, in microseconds as PostgreSQL keeps it, so that a stored time equals the one it was made from.
#[expect(clippy::disallowed_methods, reason = "this is the edge")]
pub fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}
