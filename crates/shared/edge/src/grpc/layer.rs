//! The layer around each call of a gRPC server: tracing, metrics, deadline, INTERNAL for panics and error details, and
//! for services behind the guard also the limits on size and arrival time of messages, on calls in flight, and on those
//! of one user.
//!
//! Every RPC of these services takes one message, and a call starts only once its message has arrived. So an
//! incompletely sent call occupies no slot.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    middleware::{self, Next},
    response::Response,
};
use base::deadline;
use tonic::Status;

use super::{details, health::Streams, refuse};
use crate::{
    auth::Guard,
    http::catch_panics,
    request_body::{Arrivals, Arrived, NotArrived},
    request_telemetry::{self, Rpcs},
    shared_layer::shared,
    slots::{Slots, UserSlots, body_size},
};

/// The maximum size of a message in bytes.
const MAX_MESSAGE_BYTES: usize = 256 * 1024;
/// The length in bytes of a message's prefix: a flag and the message's length (gRPC over HTTP/2,
/// "Length-Prefixed-Message").
const PREFIX_LENGTH: usize = 5;

/// The time limit of a call for which the caller sets no earlier deadline.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// Adds the layer to the services of `router`. Calls to the services in `open` pass no guard; those to all others pass
/// `limits`.
pub(super) fn around(router: Router, rpcs: Rpcs, limits: CallLimits, open: Vec<Streams>) -> Router {
    let calls = Arc::new(Calls { rpcs, limits, open });
    router.layer(shared(middleware::from_fn_with_state(calls, call_layer)))
}

struct Calls {
    rpcs: Rpcs,
    limits: CallLimits,
    open: Vec<Streams>,
}

/// One layer, since each layer of axum costs each call several allocations.
async fn call_layer(State(calls): State<Arc<Calls>>, request: Request, next: Next) -> Response {
    let handle = async |request: Request| {
        // Boxed, since each function around the call would hold its state twice.
        let response =
            bounded(request, async |request| details::readable(Box::pin(calls.admitted(request, next)).await));
        let response = catch_panics(response, || refuse(&Status::internal("internal error"))).await;
        details::completed(response)
    };
    request_telemetry::grpc(&calls.rpcs, request, handle).await
}

impl Calls {
    async fn admitted(&self, request: Request, next: Next) -> Response {
        let service = service_of(request.uri().path());
        let open = self.open.iter().find(|streams| streams.are_of(service));
        match open {
            Some(streams) => streams.bounded(request, next).await,
            None => self.limits.admitted(request, next).await,
        }
    }
}

/// Returns the service in a call's path, `/service/method`.
fn service_of(path: &str) -> &str {
    path.trim_start_matches('/').split('/').next().unwrap_or_default()
}

/// Limits a call to the deadline that its caller sent, but at most to [`CALL_TIMEOUT`].
async fn bounded(request: Request, next: impl AsyncFnOnce(Request) -> Response) -> Response {
    let asked = request.headers().get("grpc-timeout").and_then(|value| parse_timeout(value.to_str().ok()?));
    let limit = asked.unwrap_or(CALL_TIMEOUT).min(CALL_TIMEOUT);
    let work = deadline::within(limit, next(request));
    tokio::time::timeout(limit, work)
        .await
        .unwrap_or_else(|_| refuse(&Status::deadline_exceeded("the call took too long")))
}

/// Parses `grpc-timeout`: at most eight digits and a unit (gRPC over HTTP/2).
fn parse_timeout(value: &str) -> Option<Duration> {
    let (digits, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    let amount: u32 = digits.parse().ok().filter(|_| digits.len() <= 8)?;
    let unit = match unit {
        "H" => Duration::from_hours(1),
        "M" => Duration::from_mins(1),
        "S" => Duration::from_secs(1),
        "m" => Duration::from_millis(1),
        "u" => Duration::from_micros(1),
        "n" => Duration::from_nanos(1),
        _ => return None,
    };
    unit.checked_mul(amount)
}

/// The guard and the limits of calls. A call passes them in this order: arrival of the message, a slot for the call,
/// authentication, a slot of the user.
pub(super) struct CallLimits {
    arrivals: Arrivals,
    slots: Slots,
    /// The services whose calls have their own slots.
    apart: Vec<(&'static str, Slots)>,
    guard: Guard,
    user_slots: UserSlots,
}

impl CallLimits {
    /// Creates the limits. Each service in `apart` has its own slots.
    pub fn new(guard: Guard, max_in_flight: usize, apart: &[&'static str]) -> Self {
        Self {
            arrivals: Arrivals::default(),
            slots: Slots::new(max_in_flight),
            apart: apart.iter().map(|service| (*service, Slots::new(max_in_flight))).collect(),
            guard,
            user_slots: UserSlots::quarter_of(max_in_flight),
        }
    }

    async fn admitted(&self, request: Request, next: Next) -> Response {
        let request = match arrive(&self.arrivals, request).await {
            Ok(request) => request,
            Err(refusal) => return refuse(&refusal),
        };
        let room = self.arrivals.room(body_size(&request));
        let (Some(_room), Some(_slot)) = (room, self.slots_of(request.uri().path()).take()) else {
            metrics::counter!("requests_shed_total").increment(1);
            return refuse(&Status::resource_exhausted("too many calls at once; try again soon"));
        };
        self.guard.grpc(request, async |request| shed_user(&self.user_slots, request, next).await).await
    }

    /// Returns the slots of the calls with this path.
    fn slots_of(&self, path: &str) -> &Slots {
        let own = self.apart.iter().find(|(name, _)| *name == service_of(path));
        own.map_or(&self.slots, |(_, slots)| slots)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_read_as_the_protocol_writes_it() {
        assert_eq!(parse_timeout("1500m"), Some(Duration::from_millis(1500)));
        assert_eq!(parse_timeout("2S"), Some(Duration::from_secs(2)));
        for wrong in ["", "S", "5", "5x", "123456789S", "-1S", "é"] {
            assert_eq!(parse_timeout(wrong), None, "{wrong}");
        }
    }
}
