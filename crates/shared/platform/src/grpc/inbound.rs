//! Limits of a gRPC server: size and arrival time of messages, calls in flight, and calls in flight of one user.
//!
//! Every RPC of this system takes one message, and a call starts only once this message has arrived. So an incompletely sent call occupies
//! no slot. The caller is authenticated before the message is read, so strangers cannot send messages to methods that need a session. A
//! call takes one of its user's slots as soon as the first bytes of the message, which contain its length, have arrived. So a user whose
//! share is used up is refused before the rest is sent and read.

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
    auth::{Caller, Guard},
    http::request_body::{Arrivals, Arrived, NotArrived},
    load_shed::{Reserved, Slots, UserSlots, body_size},
    shared_layer::shared,
};

/// The maximum size of a message in bytes.
const MAX_MESSAGE_BYTES: usize = 256 * 1024;
/// The length in bytes of the prefix of a message: a flag and the length (gRPC over HTTP/2, "Length-Prefixed-Message").
const PREFIX_LENGTH: usize = 5;

/// Adds `guard` and the limits to the services of `router`. A call passes them in this order: a slot for the time of its authentication,
/// its user's slot, arrival of the message, a slot for the call, the user's turn. The calls of each service in `apart` have slots of their
/// own.
pub(super) fn bounded(router: Router, guard: Guard, max_in_flight: usize, apart: &[&'static str]) -> Router {
    let inbound = Inbound {
        arrivals: Arrivals::default(),
        slots: Slots::new(max_in_flight),
        apart: apart.iter().map(|service| (*service, Slots::new(max_in_flight))).collect(),
        guard,
        user_slots: UserSlots::quarter_of(max_in_flight),
    };
    router.layer(shared(middleware::from_fn_with_state(Arc::new(inbound), admit)))
}

struct Inbound {
    arrivals: Arrivals,
    slots: Slots,
    /// The services whose calls have slots of their own.
    apart: Vec<(&'static str, Slots)>,
    guard: Guard,
    user_slots: UserSlots,
}

impl Inbound {
    /// Returns the slots of the calls with this path, which is `/service/method`.
    fn slots_of(&self, path: &str) -> &Slots {
        let service = path.trim_start_matches('/').split('/').next();
        let own = self.apart.iter().find(|(name, _)| service == Some(name));
        own.map_or(&self.slots, |(_, slots)| slots)
    }

    /// Handles a call whose caller is known.
    async fn handle(&self, request: Request, next: Next) -> Result<Response, Status> {
        let (request, reserved) = self.arrive(request).await?;
        let room = self.arrivals.room(body_size(&request));
        let (Some(_room), Some(_slot)) = (room, self.slots_of(request.uri().path()).take()) else {
            return Err(too_many_calls());
        };
        let _turn = match reserved {
            Some(reserved) => Some(reserved.turn().await),
            None => None,
        };
        Ok(next.run(request).await)
    }

    /// Waits for the whole message. Returns the call with it, and the slot of the call's user.
    async fn arrive(&self, request: Request) -> Result<(Request, Option<Reserved>), Status> {
        let (parts, body) = request.into_parts();
        let caller = parts.extensions.get();
        let mut share = Share::Unknown;
        let is_admitted = |begun: &[u8]| share.take(&self.user_slots, caller, message_length(begun));
        let read = self.arrivals.read_while(body, PREFIX_LENGTH + MAX_MESSAGE_BYTES, is_admitted).await;
        share.take(&self.user_slots, caller, Some(0));
        let reserved = match share {
            Share::Reserved(reserved) => reserved,
            Share::Unknown | Share::UsedUp => {
                metrics::counter!("requests_of_one_user_shed_total").increment(1);
                return Err(Status::resource_exhausted("too many calls of this user at once; try again soon"));
            }
            Share::TooLong => return Err(too_long()),
        };
        match read {
            Ok(Arrived::Whole(body)) => Ok((Request::from_parts(parts, Body::from(body)), reserved)),
            Ok(Arrived::Refused(_)) => Err(too_long()),
            Err(NotArrived::BrokenOff) => Err(Status::cancelled("the message broke off")),
            Err(error) => Err(Status::deadline_exceeded(error.to_string())),
        }
    }
}

/// The state of a call's slot among the slots of its user.
enum Share {
    /// The length of the message is not known yet.
    Unknown,
    /// The slot; `None` if the caller is not a user.
    Reserved(Option<Reserved>),
    UsedUp,
    /// No slot is needed, since the message exceeds the maximum size.
    TooLong,
}

impl Share {
    /// Takes the slot of a call with a message of `length` bytes, unless the call has one. Returns false if the call is refused.
    fn take(&mut self, slots: &UserSlots, caller: Option<&Caller>, length: Option<usize>) -> bool {
        if let (Self::Unknown, Some(length)) = (&self, length) {
            *self = match length {
                ..=MAX_MESSAGE_BYTES => slots.reserve(caller, length).map_or(Self::UsedUp, Self::Reserved),
                _ => Self::TooLong,
            };
        }
        matches!(self, Self::Unknown | Self::Reserved(_))
    }
}

/// Returns the length of a message that its prefix names, if the prefix has arrived.
fn message_length(begun: &[u8]) -> Option<usize> {
    let (_, length) = begun.first_chunk::<PREFIX_LENGTH>()?.split_first()?;
    usize::try_from(u32::from_be_bytes(length.try_into().ok()?)).ok()
}

/// The middleware. It is a single layer, since each layer of axum costs each call several allocations.
async fn admit(State(inbound): State<Arc<Inbound>>, request: Request, next: Next) -> Response {
    let Some(slot) = inbound.slots_of(request.uri().path()).take() else { return refuse(&too_many_calls()) };
    let handle = async |request: Request| {
        drop(slot);
        inbound.handle(request, next).await.unwrap_or_else(|refusal| refuse(&refusal))
    };
    inbound.guard.grpc(request, handle).await
}

fn too_long() -> Status {
    Status::resource_exhausted("the message is larger than 256 KiB")
}

fn too_many_calls() -> Status {
    metrics::counter!("requests_shed_total").increment(1);
    Status::resource_exhausted("too many calls at once; try again soon")
}
