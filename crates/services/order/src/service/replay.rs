//! Tells a request's handler that its answer is the stored outcome of an earlier request under the same Idempotency-Key.
//!
//! The mark is a task-local variable: an outcome passes as a success or as a refusal, and the same outcome must look the same both times.

use std::cell::Cell;

tokio::task_local! {
    static IS_REPLAY: Cell<bool>;
}

/// Runs `work` and returns whether its result was stored before.
pub(crate) async fn watched<T>(work: impl Future<Output = T>) -> (T, bool) {
    let watched = async {
        let result = work.await;
        (result, IS_REPLAY.with(Cell::get))
    };
    IS_REPLAY.scope(Cell::new(false), watched).await
}

/// Marks the result of the current request as one that was stored before.
pub(super) fn mark() {
    // Without a handler, nothing asks for the mark.
    let _ = IS_REPLAY.try_with(|is_replay| is_replay.set(true));
}
