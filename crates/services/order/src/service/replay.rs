//! Tells a request's handler that its answer is the stored outcome of an earlier request under the same Idempotency-Key.
//!
//! The mark is a task-local variable: an outcome passes as a success or as a refusal, and the same outcome must look the same both times.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use futures::FutureExt as _;

tokio::task_local! {
    static IS_REPLAY: Arc<AtomicBool>;
}

/// Runs `work` and returns whether its result was stored before. It is no `async fn`, which would hold `work` twice.
pub(crate) fn watched<T>(work: impl Future<Output = T>) -> impl Future<Output = (T, bool)> {
    let is_replay = Arc::new(AtomicBool::new(false));
    IS_REPLAY.scope(is_replay.clone(), work).map(move |result| (result, is_replay.load(Ordering::Relaxed)))
}

/// Marks the result of the current request as one that was stored before.
pub(super) fn mark() {
    // Without a handler, nothing asks for the mark.
    let _ = IS_REPLAY.try_with(|is_replay| is_replay.store(true, Ordering::Relaxed));
}
