//! Tells a request's handler that its result is the stored outcome of an earlier request under the same
//! Idempotency-Key.
//!
//! The mark is a task-local variable, because a use case returns a stored outcome, a success or a refusal, in the same form as a new one.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use futures::FutureExt as _;

tokio::task_local! {
    static IS_REPLAY: Arc<AtomicBool>;
}

/// Runs `work`. Returns its result, and true if this is the stored outcome of an earlier request.
///
/// This is not an `async fn`, because its future would hold `work` twice.
pub(crate) fn watched<T>(work: impl Future<Output = T>) -> impl Future<Output = (T, bool)> {
    let is_replay = Arc::new(AtomicBool::new(false));
    IS_REPLAY.scope(is_replay.clone(), work).map(move |result| (result, is_replay.load(Ordering::Relaxed)))
}

/// Marks the result of the current request as the stored outcome of an earlier request.
pub(super) fn mark() {
    // Outside of `watched`, nothing reads the mark.
    let _ = IS_REPLAY.try_with(|is_replay| is_replay.store(true, Ordering::Relaxed));
}
