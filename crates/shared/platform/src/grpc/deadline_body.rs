//! A response body that ends with DEADLINE_EXCEEDED if it is still waiting for data at the call's deadline.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};
use tonic::{Status, body::Body};

pub struct Answer {
    body: Body,
    peer: &'static str,
    expired: Pin<Box<Sleep>>,
}

impl Answer {
    pub fn new(body: Body, peer: &'static str, deadline: Instant) -> Self {
        Self { body, peer, expired: Box::pin(sleep_until(deadline)) }
    }
}

impl http_body::Body for Answer {
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
