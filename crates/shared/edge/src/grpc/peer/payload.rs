//! The bodies of a call: a request's, which can be sent again and records whether it has been sent, and the response's,
//! which ends at the call's deadline.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};
use tonic::{Status, body::Body};

/// The maximum size in bytes of a body that is kept for a retry.
const MAX_BYTES: usize = 256 * 1024;

pub enum Payload {
    /// The complete body, which can be sent any number of times.
    Whole(Bytes),
    /// The beginning and the rest of a body that is too long or incomplete. It can be sent only once.
    Open(Bytes, Body),
}

impl Payload {
    /// Reads the data that are available without waiting: a whole body if it is a single message.
    pub async fn read(mut body: Body) -> Result<Self, Status> {
        let mut begun = Bytes::new();
        let is_whole = poll_fn(|context| {
            loop {
                match Pin::new(&mut body).poll_frame(context) {
                    Poll::Ready(Some(Ok(frame))) => {
                        // Ignores frames without data, since a request has no trailers.
                        let Ok(data) = frame.into_data() else { continue };
                        begun = if begun.is_empty() { data } else { [begun.as_ref(), &data].concat().into() };
                        if begun.len() > MAX_BYTES {
                            return Poll::Ready(Ok(false));
                        }
                    }
                    Poll::Ready(Some(Err(status))) => return Poll::Ready(Err(status)),
                    Poll::Ready(None) => return Poll::Ready(Ok(true)),
                    Poll::Pending => return Poll::Ready(Ok(false)),
                }
            }
        });
        let is_whole = is_whole.await?;
        Ok(if is_whole { Self::Whole(begun) } else { Self::Open(begun, body) })
    }

    /// Returns the body for one attempt, its ticket, and the payload for another attempt, if possible.
    pub fn take(self) -> (Body, Ticket, Option<Self>) {
        let ticket = Ticket::default();
        let (first, rest, again) = match self {
            Self::Whole(bytes) => (bytes.clone(), None, Some(Self::Whole(bytes))),
            Self::Open(first, rest) => (first, Some(rest), None),
        };
        (Body::new(Sending { first: Some(first), rest, ticket: ticket.clone(), is_begun: false }), ticket, again)
    }
}

const WAITING: u8 = 0;
const SENT: u8 = 1;
const GIVEN_UP: u8 = 2;

/// Records whether a request has been sent. The connection reads the body only when it sends the request. Until then no
/// server can have executed it.
#[derive(Clone, Default)]
pub struct Ticket(Arc<AtomicU8>);

impl Ticket {
    fn change(&self, to: u8) -> bool {
        self.0.compare_exchange(WAITING, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Prevents the request from being sent. Returns false if it was sent already.
    pub fn give_up(&self) -> bool {
        self.change(GIVEN_UP) || self.0.load(Ordering::Acquire) == GIVEN_UP
    }
}

/// The body of one attempt, as the connection reads it.
struct Sending {
    first: Option<Bytes>,
    rest: Option<Body>,
    ticket: Ticket,
    is_begun: bool,
}

impl http_body::Body for Sending {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if !self.is_begun {
            if !self.ticket.change(SENT) {
                return Poll::Ready(Some(Err(Status::cancelled("this attempt was given up"))));
            }
            self.is_begun = true;
        }
        if let Some(first) = self.first.take().filter(|first| !first.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        match &mut self.rest {
            Some(rest) => Pin::new(rest).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    /// Returns false before the first read, so that the connection always reads the body.
    fn is_end_stream(&self) -> bool {
        self.is_begun && self.first.is_none() && self.rest.as_ref().is_none_or(Body::is_end_stream)
    }
}

/// A response body that ends with DEADLINE_EXCEEDED if it is still waiting for data at the call's deadline.
pub struct ResponseBody {
    body: Body,
    peer: &'static str,
    expired: Pin<Box<Sleep>>,
}

impl ResponseBody {
    pub fn new(body: Body, peer: &'static str, deadline: Instant) -> Self {
        Self { body, peer, expired: Box::pin(sleep_until(deadline)) }
    }
}

impl http_body::Body for ResponseBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if frame.is_pending() && self.expired.as_mut().poll(context).is_ready() {
            let status = Status::deadline_exceeded(format!("{} did not end its answer in time", self.peer));
            return Poll::Ready(Some(Err(status)));
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    /// A body with these frames, in reverse order. It ends after them only if the flag is set.
    struct Frames(Vec<&'static [u8]>, bool);

    impl http_body::Body for Frames {
        type Data = Bytes;
        type Error = Status;

        fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
            match self.0.pop() {
                Some(bytes) => Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(bytes))))),
                None if self.1 => Poll::Ready(None),
                None => Poll::Pending,
            }
        }
    }

    async fn next(body: &mut Body) -> Option<Result<Bytes, Status>> {
        let frame = poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await?;
        Some(frame.map(|frame| frame.into_data().unwrap()))
    }

    #[tokio::test]
    async fn a_body_that_ends_at_once_can_be_sent_again_and_another_cannot() {
        let whole = Payload::read(Body::new(Frames(vec![b"b", b"a"], true))).await.unwrap();
        let (mut body, ticket, again) = whole.take();
        assert!(!body.is_end_stream());
        assert_eq!(next(&mut body).await.unwrap().unwrap(), "ab");
        assert!(body.is_end_stream() && !ticket.give_up());
        let (mut body, ..) = again.unwrap().take();
        assert_eq!(next(&mut body).await.unwrap().unwrap(), "ab");

        let open = Payload::read(Body::new(Frames(vec![b"b", b"a"], false))).await.unwrap();
        let (mut body, _, again) = open.take();
        assert!(again.is_none());
        assert_eq!(next(&mut body).await.unwrap().unwrap(), "ab");
        assert!(next(&mut body).now_or_never().is_none());
    }

    #[tokio::test]
    async fn a_body_that_was_given_up_before_it_was_read_is_never_sent() {
        let (mut body, ticket, _) = Payload::Whole(Bytes::from_static(b"a")).take();

        assert!(ticket.give_up() && ticket.give_up());
        assert!(next(&mut body).await.unwrap().is_err());
    }
}
