//! Load shedding: requests above a bound are rejected with 429 at once and wait in no queue.
//!
//! Requests that call inventory or payment have smaller bounds of their own: when one of these services hangs, its requests cannot
//! take all slots, and reads and cancellations are still served.

use std::sync::Arc;

use axum::{
    extract::{MatchedPath, Request, State},
    http::{Method, StatusCode},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use platform::problem::Problem;
use tokio::sync::Semaphore;

/// The slots of concurrent requests; clones share them.
#[derive(Clone)]
pub struct Slots(Arc<Places>);

struct Places {
    all: Semaphore,
    /// For requests that call inventory alone.
    creating: Semaphore,
    /// For requests that call inventory and payment.
    paying: Semaphore,
}

impl Slots {
    /// `count` in all; creating and paying may take three eighths each, which leaves a quarter to the rest.
    pub fn new(count: usize) -> Self {
        let some = || Semaphore::new((count * 3 / 8).max(1));
        Self(Arc::new(Places { all: Semaphore::new(count), creating: some(), paying: some() }))
    }

    /// The slots of the services that the request calls, if any.
    fn of_dependencies(&self, request: &Request) -> Option<&Semaphore> {
        let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
        match route.filter(|_| request.method() == Method::POST) {
            Some("/api/v1/orders") => Some(&self.0.creating),
            Some("/api/v1/orders/{order_uuid}/pay") => Some(&self.0.paying),
            _ => None,
        }
    }
}

/// Middleware: takes a slot for the request, or answers 429.
pub async fn shed(State(slots): State<Slots>, request: Request, next: Next) -> Response {
    let place = slots.0.all.try_acquire();
    let of_dependencies = slots.of_dependencies(&request).map(Semaphore::try_acquire).transpose();
    let (Ok(_place), Ok(_of_dependencies)) = (place, of_dependencies) else {
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
