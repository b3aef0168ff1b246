//! Load shedding with separate slots for the requests that call inventory, payment or delivery. If one of these services hangs, the
//! requests that wait for it cannot take all slots, so reads and cancellations are still served.
//!
//! A request that finds no slot is rejected with 429 at once and waits in no queue.

use std::sync::Arc;

use axum::{
    extract::{MatchedPath, Request, State},
    http::Method,
    middleware::Next,
    response::Response,
};
use platform::load_shed::refusal;
use tokio::sync::Semaphore;

/// The slots of concurrent requests. A request holds a slot until its response. Clones share the slots.
#[derive(Clone)]
pub struct DependencySlots(Arc<Semaphores>);

struct Semaphores {
    /// The slots of all requests.
    all: Semaphore,
    /// The slots for requests that create orders, which call inventory.
    creating: Semaphore,
    /// The slots for requests about payments, which call inventory and payment.
    paying: Semaphore,
    /// The slots for requests that track deliveries, which call delivery.
    tracking: Semaphore,
}

impl DependencySlots {
    /// Creates `count` slots. Requests that create orders may take three eighths of them, requests about payments another three, and
    /// requests that track deliveries one. This leaves one eighth to all other requests.
    pub fn new(count: usize) -> Self {
        let eighths = |some: usize| Semaphore::new((count * some / 8).max(1));
        let (creating, paying, tracking) = (eighths(3), eighths(3), eighths(1));
        Self(Arc::new(Semaphores { all: Semaphore::new(count), creating, paying, tracking }))
    }

    /// Returns the semaphore with the separate limit for the services that the request calls, or `None` if it calls none.
    fn of_dependencies(&self, request: &Request) -> Option<&Semaphore> {
        let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
        match (request.method(), route?) {
            (&Method::POST, "/api/v1/orders" | "/api/orders") => Some(&self.0.creating),
            (&Method::POST, "/api/v1/orders/{order_uuid}/pay") => Some(&self.0.paying),
            (&Method::GET, "/api/v1/orders/{order_uuid}/payment" | "/api/orders/{order_id}/payment") => {
                Some(&self.0.paying)
            }
            (&Method::GET, "/api/v1/orders/{order_uuid}/delivery" | "/api/orders/{order_id}/delivery") => {
                Some(&self.0.tracking)
            }
            _ => None,
        }
    }
}

/// Middleware that acquires the slots for a request, or rejects it with 429.
pub async fn shed(State(slots): State<DependencySlots>, request: Request, next: Next) -> Response {
    let slot = slots.0.all.try_acquire();
    let of_dependencies = slots.of_dependencies(&request).map(Semaphore::try_acquire).transpose();
    let (Ok(_slot), Ok(_of_dependencies)) = (slot, of_dependencies) else {
        return refusal();
    };
    next.run(request).await
}
