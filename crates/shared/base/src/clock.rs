//! The clock. Only code at the edge reads it; all other code takes the time as an argument.

use std::sync::OnceLock;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use tokio::time::Instant;

use crate::config::{ConfigError, Settings};

/// The variable that shifts this process's clock, and the maximum shift.
const VARIABLE: &str = "CLOCK_OFFSET";
const MAX_OFFSET: TimeDelta = TimeDelta::days(36_525);

static OFFSET: OnceLock<TimeDelta> = OnceLock::new();

/// Shifts the clock of this process by `CLOCK_OFFSET`, to test the effect of a wrong clock. Only the first call has an
/// effect.
///
/// Fails if the value is not a duration or exceeds a hundred years.
pub fn set_offset(settings: &Settings) -> Result<(), ConfigError> {
    let Some(value) = settings.get(VARIABLE) else { return Ok(()) };
    let offset = parse(value).map_err(|problem| ConfigError::new(VARIABLE, problem))?;
    if *OFFSET.get_or_init(|| offset) != TimeDelta::zero() {
        tracing::warn!("the clock of this process is shifted by {value}, as {VARIABLE} says");
    }
    Ok(())
}

/// Parses a duration such as `1h30m`, with or without a sign.
fn parse(value: &str) -> Result<TimeDelta, String> {
    let (behind, duration) = match value.strip_prefix('-') {
        Some(duration) => (true, duration),
        None => (false, value.strip_prefix('+').unwrap_or(value)),
    };
    let duration = humantime::parse_duration(duration).map_err(|error| error.to_string())?;
    match TimeDelta::from_std(duration) {
        Ok(offset) if offset <= MAX_OFFSET => Ok(if behind { -offset } else { offset }),
        _ => Err("is more than a hundred years".to_owned()),
    }
}

/// Returns the current time, shifted by [`set_offset`]. It is truncated to microseconds, PostgreSQL's resolution, so
/// that a stored time equals the original.
#[expect(clippy::disallowed_methods, reason = "this is the edge")]
pub fn now() -> DateTime<Utc> {
    let offset = OFFSET.get().copied().unwrap_or_default();
    (Utc::now() + offset).trunc_subsecs(6)
}

/// The clock of in-memory repositories. It follows tokio's time, which tests may pause.
#[derive(Clone, Copy, Debug)]
pub struct Virtual {
    start: Instant,
}

impl Virtual {
    /// Returns the current time. The clock starts at 2026-01-01.
    pub fn now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + chrono::Days::new(20_454) + self.start.elapsed()
    }
}

impl Default for Virtual {
    fn default() -> Self {
        Self { start: Instant::now() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_may_be_ahead_or_behind() {
        for (value, minutes) in
            [("1h", 60), ("+1h30m", 90), ("-1h", -60), ("0s", 0), ("0", 0), ("-100years", -52_596_000)]
        {
            assert_eq!(parse(value), Ok(TimeDelta::minutes(minutes)), "{value}");
        }
    }

    #[test]
    fn an_offset_that_is_none_is_refused_by_its_name() {
        for value in ["an hour", "-", "--1h", "1", "101years", "9000000000000years"] {
            let settings = Settings::from_variables([(VARIABLE, value.to_owned())]);

            let error = set_offset(&settings).unwrap_err();

            assert_eq!(error.variable, VARIABLE, "{error}");
        }
    }
}
