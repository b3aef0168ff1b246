//! Deadline propagation. The deadline of a request bounds every call that is made for it.
//!
//! The deadline is a task-local variable, which a spawned task does not inherit. `grpc/server.rs` and `http/layer.rs`
//! set it; `grpc/peer/mod.rs` sends the remaining time with each call as the header `grpc-timeout`.

use std::time::Duration;

use tokio::time::Instant;

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
