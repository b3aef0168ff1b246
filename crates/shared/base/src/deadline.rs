//! Time limits: the deadline of a request, which bounds every call that is made for it, and a limit that counts only
//! time in which this process is scheduled.
//!
//! The deadline is a task-local variable, which a spawned task does not inherit. The layers around the requests
//! of HTTP and gRPC set it; a channel to a peer sends the remaining time with each call as the header `grpc-timeout`.

use std::{pin::pin, time::Duration};

use tokio::{
    select,
    time::{Instant, sleep},
};

tokio::task_local! {
    static DEADLINE: Instant;
}

/// The maximum duration of a request, including its calls to other services.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Runs `work` with a deadline `limit` from now, unless an earlier deadline is already set.
pub async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> T {
    let mut deadline = Instant::now() + limit;
    if let Ok(outer) = DEADLINE.try_with(|outer| *outer) {
        deadline = deadline.min(outer);
    }
    DEADLINE.scope(deadline, work).await
}

/// Returns the time until the request's deadline, at most `limit`. Outside of a request, returns `limit`.
pub fn remaining(limit: Duration) -> Duration {
    DEADLINE.try_with(|deadline| deadline.saturating_duration_since(Instant::now()).min(limit)).unwrap_or(limit)
}

/// A tick counts as this much time, however long it really took.
const TICK: Duration = Duration::from_millis(25);

/// There was no response, although this process was scheduled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Silent;

/// Waits for `response` for at most `limit`, rounded up to ticks of 25 ms. Time in which this process was not scheduled
/// does not count: on an overloaded machine that can be longer than the limit, so both the response and the end of the
/// limit are ready, and `tokio::time::timeout` may report a silent peer.
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
