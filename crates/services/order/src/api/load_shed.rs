//! Bounds on the requests worked on at once: one more is told at once to come back later, and waits in no queue.
//!
//! Requests that wait for inventory or payment have bounds of their own within the bound of all: where one of these hangs, the places
//! that its requests cannot take are left to reads and cancellations.

use std::sync::Arc;

use axum::{
    extract::{MatchedPath, Request, State},
    http::{Method, StatusCode},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use platform::problem::Problem;
use tokio::sync::Semaphore;

/// The places that there are.
#[derive(Clone)]
pub struct Slots(Arc<Places>);

struct Places {
    all: Semaphore,
    /// For requests that wait for inventory alone.
    creating: Semaphore,
    /// For requests that wait for inventory and payment.
    paying: Semaphore,
}

impl Slots {
    /// `count` for all; three eighths of them each for creating and for paying, which leaves a quarter that neither can take.
    pub fn new(count: usize) -> Self {
        let some = || Semaphore::new((count * 3 / 8).max(1));
        Self(Arc::new(Places { all: Semaphore::new(count), creating: some(), paying: some() }))
    }

    /// The places of the dependencies that a request needs, if any.
    fn of_dependencies(&self, request: &Request) -> Option<&Semaphore> {
        let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
        match route.filter(|_| request.method() == Method::POST) {
            Some("/api/v1/orders") => Some(&self.0.creating),
            Some("/api/v1/orders/{order_uuid}/pay") => Some(&self.0.paying),
            _ => None,
        }
    }
}

/// Middleware: takes a place for the request, or answers 429.
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
