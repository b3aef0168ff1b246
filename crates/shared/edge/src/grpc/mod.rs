//! gRPC server with health, reflection and a guard, and client channels with identity, deadline and trace context.

mod details;
mod health;
mod layer;
mod peer;
mod server;

use axum::{body::Body, response::Response};
use base::circuit_breaker::Refused;
use chrono::Datelike as _;
pub use details::{about, invalid, reason, subject, with_details, with_reason};
pub use peer::{Carries, Peer, Resolver};
pub use server::Services;
use tonic::{Code, Status};
use uuid::Uuid;

use crate::auth::{Author, Caller, User};

/// Parses a uuid. Fails with INVALID_ARGUMENT, naming the field.
pub fn parse_uuid(field: &str, value: &str) -> Result<Uuid, Status> {
    uuid(value).map_err(|error| invalid(field, error))
}

/// Parses a uuid, for [`InvalidFields::check`](crate::invalid::InvalidFields::check).
pub fn uuid(value: &str) -> Result<Uuid, &'static str> {
    Uuid::try_parse(value).map_err(|_| "must be a uuid")
}

/// Returns the caller that the guard authenticated.
pub fn caller<T>(request: &tonic::Request<T>) -> Result<Caller, Status> {
    let caller = request.extensions().get::<Caller>().cloned();
    caller.ok_or_else(|| Status::internal("the guard is missing before this call"))
}

/// Returns the calling user. Fails if a service calls.
pub fn user<T>(request: &tonic::Request<T>) -> Result<User, Status> {
    match caller(request)? {
        Caller::User(user) => Ok(user),
        Caller::Service(_) => Err(Status::permission_denied("only users may call this method")),
    }
}

/// Returns who decides by this call. A tool says in the field `decided_by` who runs it, or nothing.
pub fn author<T>(request: &tonic::Request<T>, said: &str) -> Result<Author, Status> {
    Author::of(&caller(request)?, said).map_err(|error| invalid("decided_by", error))
}

/// Creates the response to a call that fails before it reaches its service.
pub(crate) fn refuse(status: &Status) -> Response {
    let response: http::Response<tonic::body::Body> = status.clone().into_http();
    response.map(Body::new)
}

pub fn timestamp(time: chrono::DateTime<chrono::Utc>) -> prost_types::Timestamp {
    let nanos = i32::try_from(time.timestamp_subsec_nanos()).unwrap_or(999_999_999);
    prost_types::Timestamp { seconds: time.timestamp(), nanos }
}

/// Converts a time from protobuf. Returns `None` outside of protobuf's range, the years 1 to 9999.
pub fn time(time: &prost_types::Timestamp) -> Option<chrono::DateTime<chrono::Utc>> {
    let nanos = u32::try_from(time.nanos).ok().filter(|nanos| *nanos < 1_000_000_000)?;
    chrono::DateTime::from_timestamp(time.seconds, nanos).filter(|time| (1..=9999).contains(&time.year()))
}

/// Returns true if the call may be retried: it did not reach the peer, or the peer could not serve it at that time. A
/// call that an open circuit breaker refused may not, since the peer has failed many calls.
pub fn is_transient(status: &Status) -> bool {
    matches!(status.code(), Code::Unavailable | Code::ResourceExhausted | Code::Aborted) && !is_refused(status)
}

/// Returns true if the peer would refuse the same request again, so that a consumer dead-letters its message. Every
/// other failure is transient, because its cause may be the peer, or the rights of this service. See
/// <https://grpc.io/docs/guides/status-codes/>.
pub fn is_refusal(status: &Status) -> bool {
    match status.code() {
        Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::FailedPrecondition
        | Code::OutOfRange
        | Code::DataLoss => true,
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::DeadlineExceeded
        | Code::PermissionDenied
        | Code::ResourceExhausted
        | Code::Aborted
        | Code::Internal
        | Code::Unavailable
        // An older replica may not know a new method.
        | Code::Unimplemented
        | Code::Unauthenticated => false,
    }
}

/// Returns true if an open circuit breaker refused the call.
pub fn is_refused(status: &Status) -> bool {
    std::error::Error::source(status).is_some_and(<dyn std::error::Error>::is::<Refused>)
}

/// The source of a call's status if no replica has processed the call.
#[derive(Debug, thiserror::Error)]
#[error("the call was not processed")]
pub(crate) struct Unprocessed;

/// Returns true if no replica has processed a call that changes something: it was not sent, or each replica said so.
pub fn is_unprocessed(status: &Status) -> bool {
    is_refused(status) || std::error::Error::source(status).is_some_and(<dyn std::error::Error>::is::<Unprocessed>)
}

/// The peer with this name could not serve a call, or did not respond, for this reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is unavailable: {1}")]
pub struct Unavailable(pub &'static str, pub String);

impl Unavailable {
    /// Creates the error of a call that ended with `status`.
    pub fn of(peer: &'static str, status: &Status) -> Self {
        Self(peer, format!("{:?}: {}", status.code(), status.message()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_out_of_range_is_none() {
        let read = |seconds, nanos| time(&prost_types::Timestamp { seconds, nanos });
        let now = chrono::DateTime::from_timestamp(1_700_000_000, 5);

        assert_eq!(read(1_700_000_000, 5), now);
        assert_eq!(now.map(timestamp), Some(prost_types::Timestamp { seconds: 1_700_000_000, nanos: 5 }));
        for (seconds, nanos) in
            [(0, -1), (59, 1_000_000_000), (i64::MAX, 0), (-62_135_596_801, 0), (253_402_300_800, 0)]
        {
            assert_eq!(read(seconds, nanos), None, "{seconds} {nanos}");
        }
        assert!(read(-62_135_596_800, 0).is_some() && read(253_402_300_799, 999_999_999).is_some());
    }
}
