//! Load shedding: requests above a bound are rejected with 429 at once and wait in no queue.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use tokio::sync::Semaphore;

use crate::problem::Problem;

/// The slots of concurrent requests; clones share them.
#[derive(Clone)]
pub struct Slots(Arc<Semaphore>);

impl Slots {
    pub fn new(count: usize) -> Self {
        Self(Arc::new(Semaphore::new(count)))
    }
}

/// Middleware: takes a slot for the request, or answers 429.
pub async fn shed(State(slots): State<Slots>, request: Request, next: Next) -> Response {
    let Ok(_slot) = slots.0.try_acquire() else { return refusal() };
    next.run(request).await
}

/// The answer to a request for which there is no slot.
pub fn refusal() -> Response {
    metrics::counter!("requests_shed_total").increment(1);
    let mut problem =
        Problem::new(StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS", "too many requests at once; try again soon");
    problem.retry_after = Some(1);
    problem.into_response()
}
