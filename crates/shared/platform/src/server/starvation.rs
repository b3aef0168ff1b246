//! A time limit that counts only time in which this process is scheduled.
//!
//! On an overloaded machine, a process may not be scheduled for longer than the limit. Then both the response and the
//! end of the limit are ready, and `tokio::time::timeout` may report a silent peer.

use std::{pin::pin, time::Duration};

use tokio::{select, time::sleep};

/// A tick counts as this much time, however long it really took.
const TICK: Duration = Duration::from_millis(25);

/// There was no response, although this process was scheduled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Silent;

/// Waits for `response` for at most `limit`, rounded up to ticks of 25 ms. Time in which this process was not scheduled
/// does not count.
pub async fn within_scheduled<T>(limit: Duration, response: impl Future<Output = T>) -> Result<T, Silent> {
    let mut response = pin!(response);
    for _ in 0..limit.as_millis().div_ceil(TICK.as_millis()) {
        select! {
            biased;
            response = &mut response => return Ok(response),
            () = sleep(TICK) => {}
        }
    }
    Err(Silent)
}
