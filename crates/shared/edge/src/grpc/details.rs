//! Machine-readable details of a gRPC status: a reason code and its subject as metadata, and the error messages of
//! `google.rpc`: <https://google.aip.dev/193>.
//!
//! A call whose message cannot be read is the caller's mistake, so it gets INVALID_ARGUMENT; tonic itself reports
//! INTERNAL, only as the text of the status, which no method of the services returns. The response to an unknown
//! compression does not repeat the caller's header, whereas tonic's response contains it several times.

use std::{collections::HashMap, time::Duration};

use axum::{
    http::{HeaderMap, HeaderValue},
    response::Response,
};
use tonic::{Code, Status, metadata::MetadataValue};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _};

use super::refuse;
use crate::invalid::{FieldCode, InvalidField, InvalidFields};

/// The domain in which reason codes are unique, as `google.rpc.ErrorInfo` names it.
const DOMAIN: &str = "shipyard";
/// The delay before a caller may retry a call that failed temporarily.
const RETRY_DELAY: Duration = Duration::from_secs(1);
const DETAILS: &str = "grpc-status-details-bin";

/// The metadata key of the reason, such as `TOO_MANY`.
const REASON: &str = "reason";

/// Creates a status with a reason code for clients. Circuit breakers count UNAVAILABLE with a reason as a response of a
/// working peer, so an outage of the service itself has no reason.
pub fn with_reason(code: Code, reason: &'static str, message: impl Into<String>) -> Status {
    let mut status = Status::new(code, message);
    status.metadata_mut().insert(REASON, MetadataValue::from_static(reason));
    status
}

/// The metadata key of the subject, such as a uuid.
const SUBJECT: &str = "subject";

/// Adds a subject to the metadata of a status.
pub fn about(mut status: Status, subject: impl std::fmt::Display) -> Status {
    if let Ok(value) = MetadataValue::try_from(subject.to_string()) {
        status.metadata_mut().insert(SUBJECT, value);
    }
    status
}

pub fn subject(status: &Status) -> Option<&str> {
    status.metadata().get(SUBJECT)?.to_str().ok()
}

pub fn reason(status: &Status) -> Option<&str> {
    status.metadata().get(REASON)?.to_str().ok()
}

/// Creates a status with these details, for a service that passes on another service's status. An empty detail is
/// omitted.
pub fn with_details(code: Code, message: String, reason: &str, subject: &str) -> Status {
    let mut status = Status::new(code, message);
    for (key, value) in [(REASON, reason), (SUBJECT, subject)] {
        if let Some(value) = MetadataValue::try_from(value).ok().filter(|_| !value.is_empty()) {
            status.metadata_mut().insert(key, value);
        }
    }
    status
}

/// Creates an INVALID_ARGUMENT about one field.
pub fn invalid(field: impl Into<Box<str>>, problem: impl std::fmt::Display) -> Status {
    InvalidFields::from_iter([InvalidField::invalid(field, problem)]).into()
}

/// An INVALID_ARGUMENT that lists all invalid fields. Its message describes the first.
impl From<InvalidFields> for Status {
    fn from(fields: InvalidFields) -> Self {
        let violation = |field: &InvalidField| FieldViolation {
            reason: field.code.as_str().to_owned(),
            ..FieldViolation::new(&*field.field, &*field.message)
        };
        let violations: Vec<_> = fields.as_slice().iter().map(violation).collect();
        Self::with_error_details(Code::InvalidArgument, fields.to_string(), ErrorDetails::with_bad_request(violations))
    }
}

impl InvalidFields {
    pub fn in_status(status: &Status) -> Self {
        let violations = status.get_details_bad_request().map(|details| details.field_violations).unwrap_or_default();
        let field = |wrong: FieldViolation| {
            InvalidField::new(wrong.field, FieldCode::from_name(&wrong.reason), wrong.description)
        };
        violations.into_iter().map(field).collect()
    }
}

/// Adds the details that the status of a failed call lacks: `ErrorInfo` to every status, `RetryInfo` if the call may
/// succeed later.
pub(super) fn completed(mut response: Response) -> Response {
    if let Some(details) = encoded(response.headers()) {
        response.headers_mut().insert(DETAILS, details);
    }
    response
}

/// Returns the encoded details of the error status in a response's headers. A status outside of the headers is OK,
/// since every RPC has a single response message.
fn encoded(headers: &HeaderMap) -> Option<HeaderValue> {
    let status = Status::from_header_map(headers).filter(|status| status.code() != Code::Ok)?;
    let mut details = status.get_error_details();
    if details.error_info().is_none() {
        let reason = reason(&status).unwrap_or_else(|| general_reason(status.code()));
        let subject = subject(&status).map(|subject| (SUBJECT.to_owned(), subject.to_owned()));
        details.set_error_info(reason, DOMAIN, subject.into_iter().collect::<HashMap<_, _>>());
    }
    if details.retry_info().is_none() && matches!(status.code(), Code::Unavailable | Code::ResourceExhausted) {
        details.set_retry_info(Some(RETRY_DELAY));
    }
    let detailed = Status::with_error_details(status.code(), status.message(), details);
    let encoded: http::Response<()> = detailed.into_http();
    encoded.headers().get(DETAILS).cloned()
}

/// Returns the reason for a status without a specific one, which is about the call as a whole.
fn general_reason(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_REQUEST",
        Code::DeadlineExceeded => "REQUEST_TIMEOUT",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "FORBIDDEN",
        Code::ResourceExhausted => "TOO_MANY_REQUESTS",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "TOO_MANY",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "DEPENDENCY_UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "INVALID_SESSION",
    }
}

/// The beginning of prost's error about an undecodable message. The rest names message and field, and repeats no value.
const NOT_THE_MESSAGE: &str = "failed to decode Protobuf message: ";

/// The beginning of tonic's error about an unreadable frame, up to where it repeats the request, and the text for the
/// caller.
const FRAMES: [(&str, &str); 4] = [
    ("Missing request message.", "the call has no message"),
    ("Unexpected EOF decoding stream.", "the message is shorter than its prefix says"),
    (
        "protocol error: received message with invalid compression flag: ",
        "the message does not begin with its prefix: a byte that is 0 or 1, and four of its length",
    ),
    (
        "protocol error: received message with compressed-flag but no grpc-encoding was specified",
        "the message is marked as compressed, and grpc-encoding does not say how",
    ),
];

/// The beginning of tonic's error about an unsupported `grpc-encoding`, up to where it repeats the value.
const COMPRESSED: &str = "Content is compressed with `";

/// Replaces tonic's status if the message could not be read.
pub(super) fn readable(response: Response) -> Response {
    match Status::from_header_map(response.headers()).and_then(|status| refusal(&status)) {
        Some(refusal) => refuse(&refusal),
        None => response,
    }
}

/// Returns the status to respond with, if `status` reports an unreadable message.
fn refusal(status: &Status) -> Option<Status> {
    let said = status.message();
    match status.code() {
        Code::Internal => {
            if let Some(reason) = said.strip_prefix(NOT_THE_MESSAGE) {
                return Some(Status::invalid_argument(format!("the message cannot be decoded: {reason}")));
            }
            let frame = FRAMES.iter().find(|(beginning, _)| said.starts_with(beginning));
            frame.map(|(_, problem)| Status::invalid_argument(*problem))
        }
        // The metadata name the encodings that the server supports, as the gRPC specification requires.
        Code::Unimplemented if said.starts_with(COMPRESSED) => Some(Status::with_metadata(
            Code::Unimplemented,
            "grpc-encoding names a compression that this server does not support",
            status.metadata().clone(),
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details_of(status: &Status) -> ErrorDetails {
        let response = completed(refuse(status));
        Status::from_header_map(response.headers()).unwrap().get_error_details()
    }

    #[test]
    fn every_error_has_a_reason_and_a_temporary_one_a_delay() {
        let refused = details_of(&about(with_reason(Code::FailedPrecondition, "TOO_MANY", "too many"), "engine"));
        let info = refused.error_info().unwrap();
        assert_eq!((info.reason.as_str(), info.domain.as_str()), ("TOO_MANY", DOMAIN));
        assert_eq!(info.metadata.get(SUBJECT).map(String::as_str), Some("engine"));
        assert!(refused.retry_info().is_none());

        let away = details_of(&Status::unavailable("the database is away"));
        assert_eq!(away.error_info().unwrap().reason, "DEPENDENCY_UNAVAILABLE");
        assert_eq!(away.retry_info().unwrap().retry_delay, Some(RETRY_DELAY));
    }

    #[test]
    fn all_invalid_fields_are_listed_and_the_text_is_about_the_first() {
        let mut fields = InvalidFields::default();
        fields.check::<()>("name", Err("must not be empty"));
        fields.check::<()>("speed", Err("must be from 1 to 100"));
        let status = Status::from(fields.clone());
        assert_eq!((status.code(), status.message()), (Code::InvalidArgument, "name: must not be empty"));

        let details = details_of(&status);

        let violations = &details.bad_request().unwrap().field_violations;
        let violations: Vec<_> =
            violations.iter().map(|wrong| (&*wrong.field, &*wrong.description, &*wrong.reason)).collect();
        assert_eq!(
            violations,
            [("name", "must not be empty", "INVALID"), ("speed", "must be from 1 to 100", "INVALID")]
        );
        assert_eq!(details.error_info().unwrap().reason, "INVALID_REQUEST");
        assert_eq!(InvalidFields::in_status(&status), fields);
    }

    #[test]
    fn the_status_of_a_method_stays_as_it_is() {
        for status in [
            Status::internal("internal error"),
            Status::unavailable("failed to decode Protobuf message: of another service"),
            Status::unimplemented("not built yet"),
        ] {
            assert!(refusal(&status).is_none(), "{status}");
        }
    }
}
