//! Reads request bodies, within limits on time, size and memory. A request is handled only once its body has arrived.
//!
//! So a body that is sent slowly or incompletely takes no slot from a request that can be handled. The bytes received of all incomplete
//! bodies together are bounded: above the bound, the oldest incomplete body is given up. So a flood of half-sent bodies displaces itself,
//! and a body that is sent at once arrives.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::body::{Body, Bytes, HttpBody as _};
use bytes::BytesMut;
use futures::{StreamExt as _, stream};
use http_body_util::BodyExt as _;
use tokio_util::sync::CancellationToken;

/// The time limit for a body to arrive.
pub const WITHIN: Duration = Duration::from_secs(10);
/// The maximum number of bytes of all arriving bodies of one API, chosen for a container of 64 MiB.
const ALL: usize = 8 << 20;
/// The minimum number of bytes that a body counts for, since its stream takes memory too.
const LEAST: usize = 1 << 10;

/// The bodies that are arriving at one listener. Clones share them.
#[derive(Clone, Default)]
pub struct Arrivals(Arc<Mutex<UnderWay>>);

#[derive(Default)]
struct UnderWay {
    next: u64,
    bytes: usize,
    /// The oldest first.
    bodies: BTreeMap<u64, Arriving>,
}

struct Arriving {
    bytes: usize,
    given_up: CancellationToken,
}

/// A body that has arrived.
pub enum Arrived {
    Whole(Bytes),
    /// Longer than allowed: the beginning, which exceeds the limit already, and the rest.
    TooLong(Body),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotArrived {
    #[error("the body did not arrive within {} s", WITHIN.as_secs())]
    TooSlow,
    #[error("the body took too long while many others arrived")]
    GivenUp,
    #[error("the body broke off")]
    BrokenOff,
}

/// The entry of one body, removed on drop.
struct Entry<'a> {
    arrivals: &'a Arrivals,
    number: u64,
    given_up: CancellationToken,
}

impl Arrivals {
    /// Reads a body of at most `limit` bytes.
    pub async fn read(&self, mut body: Body, limit: usize) -> Result<Arrived, NotArrived> {
        if body.is_end_stream() {
            return Ok(Arrived::Whole(Bytes::new()));
        }
        let entry = self.enter();
        let read = async {
            let mut whole = BytesMut::new();
            while let Some(frame) = body.frame().await {
                let Ok(data) = frame.map_err(|_| NotArrived::BrokenOff)?.into_data() else { continue };
                self.grow(entry.number, data.len());
                whole.extend_from_slice(&data);
                if whole.len() > limit {
                    let begun = stream::once(async { Ok::<_, axum::Error>(whole.freeze()) });
                    return Ok(Arrived::TooLong(Body::from_stream(begun.chain(body.into_data_stream()))));
                }
            }
            Ok(Arrived::Whole(whole.freeze()))
        };
        tokio::select! {
            read = tokio::time::timeout(WITHIN, read) => read.unwrap_or(Err(NotArrived::TooSlow)),
            () = entry.given_up.cancelled() => Err(NotArrived::GivenUp),
        }
    }

    fn enter(&self) -> Entry<'_> {
        let given_up = CancellationToken::new();
        let mut all = self.lock();
        all.next += 1;
        let number = all.next;
        all.bodies.insert(number, Arriving { bytes: 0, given_up: given_up.clone() });
        drop(all);
        self.grow(number, LEAST);
        Entry { arrivals: self, number, given_up }
    }

    /// Counts `bytes` more of a body, and gives up the oldest bodies until the rest fits again.
    fn grow(&self, number: u64, bytes: usize) {
        let mut all = self.lock();
        let Some(body) = all.bodies.get_mut(&number) else { return };
        body.bytes += bytes;
        all.bytes += bytes;
        while all.bytes > ALL
            && let Some((_, oldest)) = all.bodies.pop_first()
        {
            all.bytes -= oldest.bytes;
            oldest.given_up.cancel();
            metrics::counter!("bodies_given_up_total").increment(1);
        }
    }

    fn lock(&self) -> MutexGuard<'_, UnderWay> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
    use super::*;

    /// Creates a body of which only `bytes` bytes arrive.
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

        assert!(kept <= ALL && matches!(whole, Ok(Arrived::Whole(_))), "{kept} bytes");
        let ends = flood.join_all().await;
        assert!(ends.iter().filter(|end| **end == Some(NotArrived::GivenUp)).count() > 1400, "{ends:?}");
        assert_eq!(arrivals.lock().bytes, 0);
    }
}
