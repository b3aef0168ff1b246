//! Answers a request with `Expect: 100-continue` before its body is sent, if the head alone decides the answer (RFC
//! 9110, section 10.1.1).
//!
//! hyper asks the client for the body at the first poll of the body. So this module first calls the handler with a body
//! that never arrives. If the handler polls it, the handler is dropped, before it has changed anything. Otherwise its
//! answer is sent.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use axum::{
    body::{Body, Bytes, HttpBody},
    http::{HeaderMap, Version, header::EXPECT, request::Parts},
    response::Response,
};
use http_body::Frame;
use http_body_util::{Full, Limited};
use tokio::sync::oneshot;

/// Returns true if the client waits for an answer before it sends `body`.
pub(crate) fn is_waiting(parts: &Parts, body: &Body) -> bool {
    let asks = |headers: &HeaderMap| {
        headers.get_all(EXPECT).iter().any(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
    };
    parts.version == Version::HTTP_11 && !body.is_end_stream() && asks(&parts.headers)
}

/// Returns the answer of `handle` if it is the same for every body of `length` bytes. Returns `None` if `handle` needs
/// the body.
pub(crate) async fn answered_by_head<F>(length: u64, limit: usize, handle: impl FnOnce(Body) -> F) -> Option<Response>
where
    F: Future<Output = Response>,
{
    if usize::try_from(length).is_ok_and(|length| length <= limit) {
        let (polled, asked) = oneshot::channel();
        let answer = handle(Body::new(Unsent(Some(polled))));
        tokio::select! {
            biased;
            answer = answer => Some(answer),
            Ok(()) = asked => None,
        }
    } else {
        // Reading this body fails as reading the whole body would.
        Some(handle(Body::new(Limited::new(Full::from("too long"), 0))).await)
    }
}

/// A body that never arrives. It signals the first poll.
struct Unsent(Option<oneshot::Sender<()>>);

impl HttpBody for Unsent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.0.take().map(|polled| polled.send(()));
        Poll::Pending
    }
}
