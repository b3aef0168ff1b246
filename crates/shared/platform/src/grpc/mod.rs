//! gRPC server with health, reflection and a guard, and client channels with identity, deadline and trace context.

mod deadline_body;
mod details;
mod health;
mod inbound;
mod peer;
mod rpcs;
mod server;
mod transport;
mod unreadable;
mod watch_limits;

use axum::{body::Body, response::Response};
pub use details::{about, reason, subject, with_details, with_reason};
pub use peer::{MemoryResolver, Peer, Resolver, SystemResolver};
pub(crate) use rpcs::Rpcs;
pub use server::Services;
use tonic::{Code, Status};
use uuid::Uuid;

use crate::{auth::Caller, circuit_breaker::Refused};

/// Parses the uuid in a field. Fails with INVALID_ARGUMENT and a message that names the field.
pub fn parse_uuid(field: &str, value: &str) -> Result<Uuid, Status> {
    Uuid::try_parse(value).map_err(|_| Status::invalid_argument(format!("{field}: is not a uuid")))
}

/// Returns the caller that the guard authenticated.
pub fn caller<T>(request: &tonic::Request<T>) -> Result<Caller, Status> {
    let caller = request.extensions().get::<Caller>().cloned();
    caller.ok_or_else(|| Status::internal("the guard is missing before this call"))
}

/// Creates the response to a call that fails with `status` before it reaches its service.
pub(crate) fn refuse(status: &Status) -> Response {
    let response: http::Response<tonic::body::Body> = status.clone().into_http();
    response.map(Body::new)
}

/// Returns true if calls of this method only read, judging by the name of the method.
pub(crate) fn is_read(path: &str) -> bool {
    let method = path.rsplit('/').next().unwrap_or_default();
    ["Get", "List"].iter().any(|read| method.starts_with(read)) || ["Whoami", "Check"].contains(&method)
}

/// Converts a time to protobuf.
pub fn timestamp(time: chrono::DateTime<chrono::Utc>) -> prost_types::Timestamp {
    let nanos = i32::try_from(time.timestamp_subsec_nanos()).unwrap_or(999_999_999);
    prost_types::Timestamp { seconds: time.timestamp(), nanos }
}

/// Returns true if the call may be retried: either the call did not reach the peer, or the peer could not serve it at that time. Returns
/// false for a refusal by an open circuit breaker, which stays open for longer than a retry waits.
pub fn is_transient(status: &Status) -> bool {
    matches!(status.code(), Code::Unavailable | Code::ResourceExhausted | Code::Aborted) && !is_refused(status)
}

/// Returns true if no call was sent because the circuit breaker of the peer is open.
pub fn is_refused(status: &Status) -> bool {
    std::error::Error::source(status).is_some_and(<dyn std::error::Error>::is::<Refused>)
}
