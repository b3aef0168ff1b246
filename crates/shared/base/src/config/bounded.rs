//! Numbers and times of the configuration, within bounds above which a sum or a semaphore would overflow.

use std::time::Duration;

use serde::{Deserialize as _, Deserializer, de::Error as _};

/// The maximum of connections, requests or streams, far above what a process can serve.
const MAX_COUNT: usize = 1_000_000;
const MAX_DURATION: Duration = Duration::from_hours(100 * 365 * 24);

/// Reads a count from 1 to a million.
pub fn count<'de, D: Deserializer<'de>>(from: D) -> Result<usize, D::Error> {
    up_to::<MAX_COUNT, D>(from)
}

pub fn up_to<'de, const MAX: usize, D: Deserializer<'de>>(from: D) -> Result<usize, D::Error> {
    let count = usize::deserialize(from)?;
    if (1..=MAX).contains(&count) {
        return Ok(count);
    }
    Err(D::Error::custom(format!("must be from 1 to {MAX}")))
}

/// Reads a time such as `10s`, of at most 100 years.
pub fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    checked(humantime_serde::deserialize(from)?)
}

/// Reads an optional time like [`duration`].
pub fn optional_duration<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    humantime_serde::deserialize::<Option<Duration>, D>(from)?.map(checked).transpose()
}

fn checked<E: serde::de::Error>(duration: Duration) -> Result<Duration, E> {
    if duration <= MAX_DURATION { Ok(duration) } else { Err(E::custom("must be at most 100 years")) }
}
