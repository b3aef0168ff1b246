//! A bound on the requests worked on at once: one more is told at once to come back later, and waits in no queue.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use platform::problem::Problem;
use tokio::sync::Semaphore;

/// The places that there are.
#[derive(Clone)]
pub struct Slots(Arc<Semaphore>);

impl Slots {
    pub fn new(count: usize) -> Self {
        Self(Arc::new(Semaphore::new(count)))
    }
}

/// Middleware: takes a place for the request, or answers 429.
pub async fn shed(State(slots): State<Slots>, request: Request, next: Next) -> Response {
    let Ok(_slot) = slots.0.try_acquire() else {
        metrics::counter!("requests_shed_total").increment(1);
        let mut problem = Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "TOO_MANY_REQUESTS",
            "too many requests at once; try again soon",
        );
        problem.retry_after = Some(1);
        return problem.into_response();
    };
    next.run(request).await
}
