//! Keeps the responses that clients have not taken yet, and bounds their bytes and their waiting time.
//!
//! A client may ask for many large responses and read none of them, and hyper would keep each whole response until it
//! is sent. So the listener passes a large response to hyper in pieces, and keeps the rest here. Above the bound, it
//! drops the response whose client took its last piece longest ago. So a flood of unread responses does not affect
//! clients that read theirs.

use std::{
    collections::{BTreeMap, VecDeque},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::body::{Body, Bytes, HttpBody};
use futures::FutureExt as _;
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::activity::{Activity, InHand, WRITE_TIMEOUT};

/// The maximum total of bytes of a listener's large responses that wait for their clients. It is four times the largest
/// list, and small enough for a container of 64 MiB.
const MAX_WAITING_BYTES: usize = 16 << 20;
/// Responses of up to this size in bytes are not counted. The bound on requests also bounds them.
const MAX_UNCOUNTED_BYTES: usize = 4 << 10;
/// The size of a piece in bytes. The first piece has only [`MAX_UNCOUNTED_BYTES`], since hyper keeps it until the
/// connection ends, even if the response is dropped.
const PIECE_BYTES: usize = 16 << 10;
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// The large responses of one listener. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Responses(Arc<Mutex<Waiting>>);

#[derive(Default)]
struct Waiting {
    next: u64,
    bytes: usize,
    /// The responses by number. A response gets the next number whenever its client takes a piece, so the lowest number
    /// belongs to the response that has waited longest.
    responses: BTreeMap<u64, Unread>,
}

struct Unread {
    data: VecDeque<Bytes>,
    /// The bytes of `data` and of the piece that hyper holds.
    bytes: usize,
    piece: usize,
    waiting_since: Instant,
    request: InHand,
    place: Place,
}

#[derive(Clone)]
pub(super) struct Place {
    pub activity: Activity,
    pub close: CancellationToken,
}

impl Responses {
    /// Keeps a large response until its client has taken it.
    fn keep(&self, data: VecDeque<Bytes>, bytes: usize, request: InHand, place: &Place) -> ResponseHandle {
        let response = Unread { data, bytes, piece: 0, waiting_since: Instant::now(), request, place: place.clone() };
        let mut waiting = self.lock();
        waiting.bytes += bytes;
        let number = waiting.insert(response);
        while waiting.bytes > MAX_WAITING_BYTES && waiting.responses.len() > 1 {
            waiting.drop_first();
        }
        ResponseHandle { responses: self.clone(), number }
    }

    /// Drops responses of which clients have taken nothing for [`WRITE_TIMEOUT`]. Never returns.
    pub async fn limit_time<T>(&self) -> T {
        loop {
            sleep(CHECK_INTERVAL).await;
            let mut waiting = self.lock();
            let is_late = |response: &Unread| response.waiting_since.elapsed() > WRITE_TIMEOUT;
            while waiting.responses.first_key_value().is_some_and(|(_, response)| is_late(response)) {
                waiting.drop_first();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn insert(&mut self, response: Unread) -> u64 {
        self.next += 1;
        self.responses.insert(self.next, response);
        self.next
    }

    /// Drops the response that has waited longest, and closes its connection unless another request is in flight.
    fn drop_first(&mut self) {
        let Some((_, Unread { bytes, request, place, .. })) = self.responses.pop_first() else { return };
        self.bytes -= bytes;
        metrics::counter!("answers_given_up_total").increment(1);
        drop(request);
        if place.activity.displace() {
            place.close.cancel();
        }
    }
}

impl Unread {
    /// Removes the next piece. It is a copy, since a slice would keep the memory of the whole response.
    fn next_piece(&mut self) -> Bytes {
        let size = if self.piece == 0 { MAX_UNCOUNTED_BYTES } else { PIECE_BYTES };
        self.bytes -= std::mem::take(&mut self.piece);
        let Some(data) = self.data.front_mut() else { return Bytes::new() };
        let piece = Bytes::copy_from_slice(&data.split_to(data.len().min(size)));
        if data.is_empty() {
            self.data.pop_front();
        }
        self.piece = piece.len();
        piece
    }
}

/// The handle of a large response. The response is dropped together with its handle.
struct ResponseHandle {
    responses: Responses,
    number: u64,
}

impl ResponseHandle {
    /// Takes the next piece, which restarts the waiting time. Returns `None` if the response was dropped.
    fn take(&mut self) -> Option<Bytes> {
        let mut waiting = self.responses.lock();
        let mut response = waiting.responses.remove(&self.number)?;
        waiting.bytes -= response.piece;
        let piece = response.next_piece();
        response.waiting_since = Instant::now();
        self.number = waiting.insert(response);
        Some(piece)
    }

    /// Returns the request once the client has taken every piece, or `None` if the response was dropped.
    fn taken(self) -> Option<InHand> {
        let mut waiting = self.responses.lock();
        let Unread { bytes, request, .. } = waiting.responses.remove(&self.number)?;
        waiting.bytes -= bytes;
        Some(request)
    }
}

impl Drop for ResponseHandle {
    fn drop(&mut self) {
        let mut waiting = self.responses.lock();
        if let Some(response) = waiting.responses.remove(&self.number) {
            waiting.bytes -= response.bytes;
        }
    }
}

/// Sends a large response in pieces. Its request stays in flight until the response has been sent.
pub(super) struct Sent {
    /// The data that were read ahead: all of a small response.
    data: VecDeque<Bytes>,
    kept: Option<ResponseHandle>,
    /// The remaining bytes of `data`, or of the large response.
    left: usize,
    /// The rest of the body: all of it if it was not read ahead, otherwise what was not available at once.
    body: Option<Body>,
    end: Option<Result<HeaderMap, axum::Error>>,
    /// The request of a small response. It stays in flight until this value is dropped.
    request: Option<InHand>,
}

impl Responses {
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
}

impl HttpBody for Sent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        if this.left > 0 {
            let data = match &mut this.kept {
                Some(kept) => kept.take().ok_or_else(|| axum::Error::new("the response was not read")),
                None => Ok(this.data.pop_front().unwrap_or_default()),
            };
            this.left -= data.as_ref().map_or(0, Bytes::len);
            return Poll::Ready(Some(data.map(Frame::data)));
        }
        if let Some(kept) = this.kept.take() {
            this.request = kept.taken();
        }
        if let Some(body) = &mut this.body {
            return Pin::new(body).poll_frame(context);
        }
        Poll::Ready(this.end.take().map(|end| end.map(Frame::trailers)))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        Place { activity: Activity::new(), close: CancellationToken::new() }
    }

    fn sent(responses: &Responses, place: &Place, size: usize) -> Sent {
        let request = place.activity.begin().expect("the connection is open");
        responses.sent(Body::from(vec![7; size]), request, place)
    }

    #[tokio::test]
    async fn a_large_response_comes_whole_and_is_counted_until_it_is_taken() {
        let (responses, place) = (Responses::default(), place());
        let body = sent(&responses, &place, 100_000);
        assert_eq!((responses.lock().bytes, body.size_hint().exact()), (100_000, Some(100_000)));

        assert_eq!(body.collect().await.unwrap().to_bytes(), vec![7; 100_000]);

        assert_eq!(responses.lock().bytes, 0);
        assert!(place.activity.idle_since().is_some(), "the request is still in flight");
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_unread_responses_displaces_itself_and_not_one_that_is_read() {
        let (responses, size) = (Responses::default(), MAX_WAITING_BYTES / 4);
        let reader = place();
        let mut read = sent(&responses, &reader, size);
        let mut flood = Vec::new();
        for _ in 0..40 {
            let place = place();
            flood.push((sent(&responses, &place, size), place));
            assert!(read.frame().await.unwrap().is_ok(), "a response that is read was dropped");
            assert!(responses.lock().bytes <= MAX_WAITING_BYTES);
        }

        assert_eq!(flood.iter().filter(|(_, place)| place.close.is_cancelled()).count(), 37);
        assert!(flood[0].0.frame().await.unwrap().is_err());
        assert!(!reader.close.is_cancelled());
    }
}
