//! Responds INVALID_ARGUMENT to a call whose message cannot be read, since this is the caller's mistake. tonic itself reports INTERNAL, as
//! for a defect of the server.
//!
//! tonic reads a message before it calls the method, and puts the reason of a failure into the text of the status. No method of the
//! services returns these texts.

use axum::{extract::Request, middleware::Next, response::Response};
use tonic::{Code, Status};

use super::refuse;

/// The beginning of prost's error about bytes that are not the message. The rest of the error names message and field, and repeats no
/// value.
const NOT_THE_MESSAGE: &str = "failed to decode Protobuf message: ";

/// The beginning of tonic's error about an unreadable frame, up to where it repeats the request; and the text for the caller.
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

/// Middleware around the services of a server. Replaces tonic's INTERNAL by INVALID_ARGUMENT if the message could not be read.
pub(super) async fn tell(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    match Status::from_header_map(response.headers()).and_then(|status| problem(&status)) {
        Some(problem) => refuse(&Status::invalid_argument(problem)),
        None => response,
    }
}

/// Returns a description of the problem if `status` reports that the message could not be read.
fn problem(status: &Status) -> Option<String> {
    if status.code() != Code::Internal {
        return None;
    }
    if let Some(reason) = status.message().strip_prefix(NOT_THE_MESSAGE) {
        return Some(format!("the message cannot be decoded: {reason}"));
    }
    let frame = FRAMES.iter().find(|(beginning, _)| status.message().starts_with(beginning));
    frame.map(|(_, problem)| (*problem).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_of_a_method_stays_as_it_is() {
        for status in [
            Status::internal("something went wrong here"),
            Status::internal("internal error"),
            Status::unavailable("failed to decode Protobuf message: of another service"),
        ] {
            assert_eq!(problem(&status), None, "{status}");
        }
    }
}
