//! Reads request bodies within limits on time, size and memory. A request is handled only once its body has arrived
//! completely, so that slow or incomplete bodies occupy no slots.
//!
//! The received bytes of all incomplete bodies are bounded. Above the bound, the oldest incomplete body is dropped and
//! its request fails. So a flood of half-sent bodies drops only its own bodies.
//!
//! The bytes of the bodies whose requests are being handled are bounded, too; a request above the bound is refused.
//! The module `slots` bounds those of one user. A body that is longer than its limit counts with the bytes that have
//! been read of it.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::body::{Body, Bytes, HttpBody};
use bytes::BytesMut;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// The maximum size of a body in bytes, unless an API or an endpoint has another one. It is enough for some 1 600 UUIDs
/// in JSON.
pub const BODY_LIMIT: usize = 64 * 1024;
pub const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(10);
/// The maximum number of bytes of all incomplete bodies of one API. It is small enough for a container of 64 MiB.
const MAX_INCOMPLETE_BYTES: usize = 8 << 20;
/// The maximum number of bytes of all bodies of one API whose requests are being handled.
pub(crate) const MAX_HANDLED_BYTES: usize = 8 << 20;
/// The size in bytes of the largest body that is handled without being counted. The bound on requests also bounds such
/// bodies, so that small requests are served during a flood of large bodies.
pub(crate) const MAX_UNCOUNTED_BYTES: usize = 4 << 10;
/// The minimum number of bytes that an incomplete body counts, since its stream takes memory too.
const MIN_COUNTED_BYTES: usize = 1 << 10;

#[derive(Clone)]
pub struct Arrivals {
    under_way: Arc<Mutex<UnderWay>>,
    /// A permit for each byte of the bodies that are being handled.
    handled: Arc<Semaphore>,
}

#[derive(Default)]
struct UnderWay {
    next: u64,
    bytes: usize,
    /// The bodies by a growing number, so that the first entry is the oldest body.
    bodies: BTreeMap<u64, Arriving>,
}

struct Arriving {
    bytes: usize,
    given_up: CancellationToken,
}

pub enum Arrived {
    Whole(Bytes),
    /// The body exceeds the limit. It contains the bytes read so far, whose number is its size, and the rest of the
    /// stream.
    TooLong(Body),
}

/// A body that exceeds the limit.
struct Exceeding {
    /// The bytes read so far, until the body is polled.
    begun: Option<Bytes>,
    rest: Body,
}

impl HttpBody for Exceeding {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match self.begun.take() {
            Some(begun) => Poll::Ready(Some(Ok(Frame::data(begun)))),
            None => Pin::new(&mut self.rest).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.begun.is_none() && self.rest.is_end_stream()
    }

    /// Returns the bytes in memory as the lower bound, since the rest is read only as it is polled.
    fn size_hint(&self) -> SizeHint {
        let mut hint = SizeHint::new();
        hint.set_lower(self.begun.as_ref().map_or(0, |begun| begun.len() as u64));
        hint
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotArrived {
    #[error("the body did not arrive within {} s", ARRIVAL_TIMEOUT.as_secs())]
    TooSlow,
    #[error("the body took too long while many others arrived")]
    GivenUp,
    #[error("the body broke off")]
    BrokenOff,
}

/// The entry of an incomplete body, removed on drop.
struct Entry<'a> {
    arrivals: &'a Arrivals,
    number: u64,
    given_up: CancellationToken,
}

impl Default for Arrivals {
    fn default() -> Self {
        Self { under_way: Arc::default(), handled: Arc::new(Semaphore::new(MAX_HANDLED_BYTES)) }
    }
}

/// The permits for the bytes of a body, held until the body's request has been handled.
pub struct Room(#[expect(dead_code, reason = "it is only held")] Option<OwnedSemaphorePermit>);

impl Arrivals {
    /// Takes the permits for a body that has arrived; a body of at most `MAX_UNCOUNTED_BYTES` needs none. Returns
    /// `None` if too many bytes are being handled.
    pub fn room(&self, bytes: usize) -> Option<Room> {
        if bytes <= MAX_UNCOUNTED_BYTES {
            return Some(Room(None));
        }
        let permits = u32::try_from(bytes).ok()?;
        self.handled.clone().try_acquire_many_owned(permits).ok().map(|permit| Room(Some(permit)))
    }

    /// Reads a body of at most `limit` bytes. Returns [`Arrived::TooLong`] for a longer one.
    pub async fn read(&self, mut body: Body, limit: usize) -> Result<Arrived, NotArrived> {
        if body.is_end_stream() {
            return Ok(Arrived::Whole(Bytes::new()));
        }
        let entry = self.register();
        let read = async {
            let mut whole = BytesMut::new();
            while let Some(frame) = body.frame().await {
                let Ok(data) = frame.map_err(|_| NotArrived::BrokenOff)?.into_data() else { continue };
                self.grow(entry.number, data.len());
                whole.extend_from_slice(&data);
                if whole.len() > limit {
                    return Ok(Arrived::TooLong(Body::new(Exceeding { begun: Some(whole.freeze()), rest: body })));
                }
            }
            Ok(Arrived::Whole(whole.freeze()))
        };
        tokio::select! {
            read = tokio::time::timeout(ARRIVAL_TIMEOUT, read) => read.unwrap_or(Err(NotArrived::TooSlow)),
            () = entry.given_up.cancelled() => Err(NotArrived::GivenUp),
        }
    }

    fn register(&self) -> Entry<'_> {
        let given_up = CancellationToken::new();
        let mut all = self.lock();
        all.next += 1;
        let number = all.next;
        all.bodies.insert(number, Arriving { bytes: 0, given_up: given_up.clone() });
        drop(all);
        self.grow(number, MIN_COUNTED_BYTES);
        Entry { arrivals: self, number, given_up }
    }

    /// Adds `bytes` to the size of a body, then drops the oldest bodies until all are within the limit.
    fn grow(&self, number: u64, bytes: usize) {
        let mut all = self.lock();
        let Some(body) = all.bodies.get_mut(&number) else { return };
        body.bytes += bytes;
        all.bytes += bytes;
        while all.bytes > MAX_INCOMPLETE_BYTES
            && let Some((_, oldest)) = all.bodies.pop_first()
        {
            all.bytes -= oldest.bytes;
            oldest.given_up.cancel();
            metrics::counter!("bodies_given_up_total").increment(1);
        }
    }

    fn lock(&self) -> MutexGuard<'_, UnderWay> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        let mut all = self.arrivals.lock();
        if let Some(body) = all.bodies.remove(&self.number) {
            all.bytes -= body.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::{StreamExt as _, stream};

    use super::*;

    /// Creates a body that yields `bytes` bytes and then never ends.
    fn half_sent(bytes: usize) -> Body {
        let sent = stream::once(async move { Ok::<_, axum::Error>(Bytes::from(vec![0; bytes])) });
        Body::from_stream(sent.chain(stream::pending()))
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_end_in_time_is_given_up_and_one_that_is_too_long_is_handed_on() {
        let arrivals = Arrivals::default();

        assert!(matches!(arrivals.read(half_sent(10), 100).await, Err(NotArrived::TooSlow)));
        assert!(matches!(arrivals.read(Body::from("whole"), 5).await, Ok(Arrived::Whole(body)) if body == "whole"));
        let Ok(Arrived::TooLong(body)) = arrivals.read(Body::from("too long"), 5).await else {
            panic!("a body of eight bytes is not too long for five");
        };

        assert_eq!(body.size_hint().lower(), 8, "it does not count what it holds");
        assert_eq!(axum::body::to_bytes(body, 100).await.unwrap(), "too long");
        assert_eq!(arrivals.lock().bytes, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_half_sent_bodies_displaces_itself_and_takes_bounded_memory() {
        let (arrivals, size) = (Arrivals::default(), 64 << 10);
        let mut flood = tokio::task::JoinSet::new();
        for _ in 0..2000 {
            let arrivals = arrivals.clone();
            flood.spawn(async move { arrivals.read(half_sent(size), size).await.err() });
        }
        tokio::time::sleep(Duration::from_millis(1)).await;

        let kept = arrivals.lock().bytes;
        let whole = arrivals.read(Body::from(vec![0; size]), size).await;

        assert!(kept <= MAX_INCOMPLETE_BYTES && matches!(whole, Ok(Arrived::Whole(_))), "{kept} bytes");
        let ends = flood.join_all().await;
        assert!(ends.iter().filter(|end| **end == Some(NotArrived::GivenUp)).count() > 1400, "{ends:?}");
        assert_eq!(arrivals.lock().bytes, 0);
    }
}
