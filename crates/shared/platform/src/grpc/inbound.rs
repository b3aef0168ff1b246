//! Limits of a gRPC server: size and arrival time of messages, calls in flight, and calls in flight of one user.
//!
//! Every RPC takes one message, and a call starts only once its message has arrived. So an incompletely sent call
//! occupies no slot.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    middleware::{self, Next},
    response::Response,
};
use tonic::Status;

use super::refuse;
use crate::{
    auth::Guard,
    http::request_body::{Arrivals, Arrived, NotArrived},
    shared_layer::shared,
    slots::{Slots, UserSlots, body_size},
};

/// The maximum size of a message in bytes.
const MAX_MESSAGE_BYTES: usize = 256 * 1024;
/// The length in bytes of a message's prefix: a flag and the message's length (gRPC over HTTP/2,
/// "Length-Prefixed-Message").
const PREFIX_LENGTH: usize = 5;

/// Adds `guard` and the limits to the services of `router`. A call passes them in this order: arrival of the message, a
/// slot for the call, authentication, a slot of the user. Each service in `apart` has its own slots.
pub(super) fn bounded(router: Router, guard: Guard, max_in_flight: usize, apart: &[&'static str]) -> Router {
    let inbound = CallLimits {
        arrivals: Arrivals::default(),
        slots: Slots::new(max_in_flight),
        apart: apart.iter().map(|service| (*service, Slots::new(max_in_flight))).collect(),
        guard,
        user_slots: UserSlots::quarter_of(max_in_flight),
    };
    router.layer(shared(middleware::from_fn_with_state(Arc::new(inbound), admit)))
}

struct CallLimits {
    arrivals: Arrivals,
    slots: Slots,
    /// The services whose calls have their own slots.
    apart: Vec<(&'static str, Slots)>,
    guard: Guard,
    user_slots: UserSlots,
}

impl CallLimits {
    /// Returns the slots of the calls with this path, `/service/method`.
    fn slots_of(&self, path: &str) -> &Slots {
        let service = path.trim_start_matches('/').split('/').next();
        let own = self.apart.iter().find(|(name, _)| service == Some(name));
        own.map_or(&self.slots, |(_, slots)| slots)
    }
}

/// One layer, since each layer of axum costs each call several allocations.
async fn admit(State(inbound): State<Arc<CallLimits>>, request: Request, next: Next) -> Response {
    let request = match arrive(&inbound.arrivals, request).await {
        Ok(request) => request,
        Err(refusal) => return refuse(&refusal),
    };
    let room = inbound.arrivals.room(body_size(&request));
    let (Some(_room), Some(_slot)) = (room, inbound.slots_of(request.uri().path()).take()) else {
        metrics::counter!("requests_shed_total").increment(1);
        return refuse(&Status::resource_exhausted("too many calls at once; try again soon"));
    };
    inbound.guard.grpc(request, async |request| shed_user(&inbound.user_slots, request, next).await).await
}

async fn arrive(arrivals: &Arrivals, request: Request) -> Result<Request, Status> {
    let (parts, body) = request.into_parts();
    match arrivals.read(body, PREFIX_LENGTH + MAX_MESSAGE_BYTES).await {
        Ok(Arrived::Whole(body)) => Ok(Request::from_parts(parts, Body::from(body))),
        Ok(Arrived::TooLong(_)) => Err(Status::resource_exhausted("the message is larger than 256 KiB")),
        Err(NotArrived::BrokenOff) => Err(Status::cancelled("the message broke off")),
        Err(error) => Err(Status::deadline_exceeded(error.to_string())),
    }
}

async fn shed_user(slots: &UserSlots, request: Request, next: Next) -> Response {
    let Ok(_slot) = slots.take(request.extensions().get(), body_size(&request)) else {
        metrics::counter!("requests_of_one_user_shed_total").increment(1);
        return refuse(&Status::resource_exhausted("too many calls of this user at once; try again soon"));
    };
    next.run(request).await
}
