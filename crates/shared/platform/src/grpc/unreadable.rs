//! Responds INVALID_ARGUMENT to a call whose message cannot be read, since this is the caller's mistake; tonic itself
//! reports INTERNAL. The response to an unknown compression does not repeat the caller's header, whereas tonic's
//! response contains it several times.
//!
//! tonic reports such a failure only as the text of the status. No method of the services returns these texts.

use axum::response::Response;
use tonic::{Code, Status};

use super::refuse;

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
pub(super) fn told(response: Response) -> Response {
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
