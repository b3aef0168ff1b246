//! The time by which the request at hand must be answered, handed down to every call made for it.

use std::time::Duration;

use tokio::time::Instant;

tokio::task_local! {
    static DEADLINE: Instant;
}

/// Runs `work` with `limit` to go, or with what is left of a sooner deadline that is already set.
pub async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> T {
    let mut deadline = Instant::now() + limit;
    if let Ok(outer) = DEADLINE.try_with(|outer| *outer) {
        deadline = deadline.min(outer);
    }
    DEADLINE.scope(deadline, work).await
}

/// What is left of the request's time, at most `limit`. Outside a request: `limit`.
pub fn remaining(limit: Duration) -> Duration {
    DEADLINE.try_with(|deadline| deadline.saturating_duration_since(Instant::now()).min(limit)).unwrap_or(limit)
}
