//! Deadline propagation: the deadline of a request bounds every call made for it.

use std::time::Duration;

use tokio::time::Instant;

tokio::task_local! {
    static DEADLINE: Instant;
}

/// The longest that a request may take, its calls to other services included.
pub const REQUEST_LIMIT: Duration = Duration::from_secs(10);

/// Runs `work` with a deadline `limit` from now, or with the deadline that is already set, if it is earlier.
pub async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> T {
    let mut deadline = Instant::now() + limit;
    if let Ok(outer) = DEADLINE.try_with(|outer| *outer) {
        deadline = deadline.min(outer);
    }
    DEADLINE.scope(deadline, work).await
}

/// Returns the time until the request's deadline, at most `limit`; outside a request, `limit`.
pub fn remaining(limit: Duration) -> Duration {
    DEADLINE.try_with(|deadline| deadline.saturating_duration_since(Instant::now()).min(limit)).unwrap_or(limit)
}
