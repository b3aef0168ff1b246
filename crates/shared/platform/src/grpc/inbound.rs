//! Limits of a gRPC server: size and arrival time of messages, calls in flight, and calls in flight of one user.
//!
//! Every RPC of this system takes one message, and a call starts only once this message has arrived. So an incompletely sent call occupies
//! no slot.

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
    load_shed::{Slots, UserSlots},
    request_body::{Arrivals, Arrived, NotArrived},
    shared_layer::shared,
};

/// The maximum size of a message in bytes.
const MESSAGE: usize = 256 * 1024;
/// The length in bytes of the prefix of a message: a flag and the length (gRPC over HTTP/2, "Length-Prefixed-Message").
const PREFIX: usize = 5;

/// Adds `guard` and the limits to the services of `router`. A call passes them in this order: arrival of the message, a slot for the call,
/// authentication, a slot of the user.
pub(super) fn bounded(router: Router, guard: Guard, max_in_flight: usize) -> Router {
    router
        .layer(shared(middleware::from_fn_with_state(UserSlots::quarter_of(max_in_flight), shed_user)))
        .layer(shared(middleware::from_fn_with_state(guard, Guard::grpc)))
        .layer(shared(middleware::from_fn_with_state(Slots::new(max_in_flight), shed)))
        .layer(shared(middleware::from_fn_with_state(Arrivals::default(), arrive)))
}

async fn arrive(State(arrivals): State<Arrivals>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    match arrivals.read(body, PREFIX + MESSAGE).await {
        Ok(Arrived::Whole(body)) => next.run(Request::from_parts(parts, Body::from(body))).await,
        Ok(Arrived::TooLong(_)) => refuse(&Status::resource_exhausted("the message is larger than 256 KiB")),
        Err(NotArrived::BrokenOff) => refuse(&Status::cancelled("the message broke off")),
        Err(error) => refuse(&Status::deadline_exceeded(error.to_string())),
    }
}

async fn shed(State(slots): State<Slots>, request: Request, next: Next) -> Response {
    let Some(_slot) = slots.take() else {
        metrics::counter!("requests_shed_total").increment(1);
        return refuse(&Status::resource_exhausted("too many calls at once; try again soon"));
    };
    next.run(request).await
}

async fn shed_user(State(slots): State<UserSlots>, request: Request, next: Next) -> Response {
    let Ok(_slot) = slots.take(request.extensions().get()).await else {
        metrics::counter!("requests_of_one_user_shed_total").increment(1);
        return refuse(&Status::resource_exhausted("too many calls of this user at once; try again soon"));
    };
    next.run(request).await
}
