//! The body of an answer on its way to the client.

use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::{Body, Bytes, HttpBody};
use futures::FutureExt as _;
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;

use super::{
    activity::InHand,
    answers::{Answers, MAX_UNCOUNTED_BYTES, MAX_WAITING_BYTES, Place, WaitingAnswer},
};

/// Sends a large answer in pieces. Its request stays in flight until the answer has been sent.
pub(super) struct Sent {
    /// The data of a small answer, read ahead.
    data: VecDeque<Bytes>,
    kept: Option<WaitingAnswer>,
    /// The remaining bytes of `data`, or of the large answer.
    left: usize,
    /// The rest of the body: all of it if it was not read ahead, otherwise what was not available at once.
    body: Option<Body>,
    end: Option<Result<HeaderMap, axum::Error>>,
    /// The request of a small answer, in flight until this is dropped.
    request: Option<InHand>,
}

impl Answers {
    /// Returns a body that sends the data of `body`. The request stays in flight until they have been sent.
    pub fn sent(&self, body: Body, request: InHand, place: &Place) -> Sent {
        let mut sent = Sent { data: VecDeque::new(), kept: None, left: 0, body: None, end: None, request: None };
        if body.size_hint().exact().is_some_and(|size| size <= MAX_UNCOUNTED_BYTES as u64) {
            sent.body = Some(body);
        } else {
            sent.read_ahead(body);
        }
        if sent.left > MAX_UNCOUNTED_BYTES {
            sent.kept = Some(self.keep(std::mem::take(&mut sent.data), sent.left, request, place));
        } else {
            sent.request = Some(request);
        }
        sent
    }
}

impl Sent {
    /// Reads the data that `body` can yield without waiting, so that their size is known: a gRPC service encodes its
    /// message only when its body is read. Stops a little above [`MAX_WAITING_BYTES`].
    fn read_ahead(&mut self, mut body: Body) {
        while self.left <= MAX_WAITING_BYTES {
            match body.frame().now_or_never() {
                Some(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => {
                        self.left += data.len();
                        self.data.push_back(data);
                    }
                    Err(frame) => self.end = frame.into_trailers().ok().map(Ok),
                },
                Some(Some(Err(error))) => return self.end = Some(Err(error)),
                Some(None) => return,
                None => break,
            }
        }
        self.body = Some(body);
    }

    fn next_data(&mut self) -> Result<Bytes, axum::Error> {
        let data = match &mut self.kept {
            Some(kept) => kept.take().ok_or_else(|| axum::Error::new("the answer was not read"))?,
            None => self.data.pop_front().unwrap_or_default(),
        };
        self.left -= data.len();
        Ok(data)
    }
}

impl HttpBody for Sent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.left > 0 {
            return Poll::Ready(Some(self.next_data().map(Frame::data)));
        }
        if let Some(kept) = self.kept.take() {
            self.request = kept.taken();
        }
        if let Some(body) = &mut self.body {
            return Pin::new(body).poll_frame(context);
        }
        Poll::Ready(self.end.take().map(|end| end.map(Frame::trailers)))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0 && self.end.is_none() && self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            Some(body) if self.left == 0 => body.size_hint(),
            None if self.end.is_none() => SizeHint::with_exact(self.left as u64),
            _ => SizeHint::default(),
        }
    }
}
