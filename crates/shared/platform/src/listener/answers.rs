//! Keeps the answers that clients have not taken yet, and bounds their bytes and their waiting time.
//!
//! A client may ask for many large answers and read none of them, and hyper would keep each whole answer until it is
//! sent. So the listener passes a large answer to hyper in pieces, and keeps the rest here. Above the bound, it drops
//! the answer whose client took its last piece longest ago. So a flood of unread answers does not affect clients that
//! read theirs.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::body::Bytes;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::activity::{Activity, InHand, WRITE_TIMEOUT};

/// The maximum total of bytes of a listener's large answers that wait for their clients. It is four times the largest
/// list, and small enough for a container of 64 MiB.
pub(super) const MAX_WAITING_BYTES: usize = 16 << 20;
/// The size in bytes up to which answers are not counted. The bound on requests also bounds them.
pub(super) const MAX_UNCOUNTED_BYTES: usize = 4 << 10;
/// The size of a piece in bytes. The first piece has only [`MAX_UNCOUNTED_BYTES`], since hyper keeps it until the
/// connection ends, even if the answer is dropped.
const PIECE_BYTES: usize = 16 << 10;
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// The large answers of one listener. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Answers(Arc<Mutex<Waiting>>);

#[derive(Default)]
struct Waiting {
    next: u64,
    bytes: usize,
    /// The answers by number. An answer gets the next number whenever its client takes a piece, so the lowest number
    /// belongs to the answer that has waited longest.
    answers: BTreeMap<u64, Answer>,
}

struct Answer {
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

impl Answers {
    /// Keeps a large answer until its client has taken it.
    pub fn keep(&self, data: VecDeque<Bytes>, bytes: usize, request: InHand, place: &Place) -> WaitingAnswer {
        let answer = Answer { data, bytes, piece: 0, waiting_since: Instant::now(), request, place: place.clone() };
        WaitingAnswer { answers: self.clone(), number: self.insert(answer) }
    }

    /// Drops answers of which clients have taken nothing for [`WRITE_TIMEOUT`]. Never returns.
    pub async fn limit_time<T>(&self) -> T {
        loop {
            sleep(CHECK_INTERVAL).await;
            let mut waiting = self.lock();
            while waiting.answers.first_key_value().is_some_and(|(_, answer)| answer.is_late()) {
                waiting.drop_first();
            }
        }
    }

    fn insert(&self, answer: Answer) -> u64 {
        let mut waiting = self.lock();
        waiting.bytes += answer.bytes;
        let number = waiting.insert(answer);
        while waiting.bytes > MAX_WAITING_BYTES && waiting.answers.len() > 1 {
            waiting.drop_first();
        }
        number
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn insert(&mut self, answer: Answer) -> u64 {
        self.next += 1;
        self.answers.insert(self.next, answer);
        self.next
    }

    /// Drops the answer that has waited longest, and closes its connection unless another request is in flight.
    fn drop_first(&mut self) {
        let Some((_, Answer { bytes, request, place, .. })) = self.answers.pop_first() else { return };
        self.bytes -= bytes;
        metrics::counter!("answers_given_up_total").increment(1);
        drop(request);
        if place.activity.displace() {
            place.close.cancel();
        }
    }
}

impl Answer {
    fn is_late(&self) -> bool {
        self.waiting_since.elapsed() > WRITE_TIMEOUT
    }

    /// Removes the next piece. It is a copy, since a slice would keep the memory of the whole answer.
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

/// The handle of a large answer. The answer is dropped together with its handle.
pub(super) struct WaitingAnswer {
    answers: Answers,
    number: u64,
}

impl WaitingAnswer {
    /// Takes the next piece, which restarts the waiting time. Returns `None` if the answer was dropped.
    pub fn take(&mut self) -> Option<Bytes> {
        let mut waiting = self.answers.lock();
        let mut answer = waiting.answers.remove(&self.number)?;
        waiting.bytes -= answer.piece;
        let piece = answer.next_piece();
        answer.waiting_since = Instant::now();
        self.number = waiting.insert(answer);
        Some(piece)
    }

    /// Returns the request once the client has taken every piece, or `None` if the answer was dropped.
    pub fn taken(self) -> Option<InHand> {
        let mut waiting = self.answers.lock();
        let Answer { bytes, request, .. } = waiting.answers.remove(&self.number)?;
        waiting.bytes -= bytes;
        Some(request)
    }
}

impl Drop for WaitingAnswer {
    fn drop(&mut self) {
        let mut waiting = self.answers.lock();
        if let Some(answer) = waiting.answers.remove(&self.number) {
            waiting.bytes -= answer.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, HttpBody as _};
    use http_body_util::BodyExt as _;

    use super::*;
    use crate::listener::sent::Sent;

    fn place() -> Place {
        Place { activity: Activity::new(), close: CancellationToken::new() }
    }

    fn sent(answers: &Answers, place: &Place, size: usize) -> Sent {
        let request = place.activity.begin().expect("the connection is open");
        answers.sent(Body::from(vec![7; size]), request, place)
    }

    fn bytes(answers: &Answers) -> usize {
        answers.lock().bytes
    }

    #[tokio::test]
    async fn a_large_answer_comes_whole_and_is_counted_until_it_is_taken() {
        let (answers, place) = (Answers::default(), place());
        let body = sent(&answers, &place, 100_000);
        assert_eq!((bytes(&answers), body.size_hint().exact()), (100_000, Some(100_000)));

        assert_eq!(body.collect().await.unwrap().to_bytes(), vec![7; 100_000]);

        assert_eq!(bytes(&answers), 0);
        assert!(place.activity.idle_since().is_some(), "the request is still in flight");
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_unread_answers_displaces_itself_and_not_one_that_is_read() {
        let (answers, size) = (Answers::default(), MAX_WAITING_BYTES / 4);
        let reader = place();
        let mut read = sent(&answers, &reader, size);
        let mut flood = Vec::new();
        for _ in 0..40 {
            let place = place();
            flood.push((sent(&answers, &place, size), place));
            assert!(read.frame().await.unwrap().is_ok(), "an answer that is read was dropped");
            assert!(bytes(&answers) <= MAX_WAITING_BYTES);
        }

        assert_eq!(flood.iter().filter(|(_, place)| place.close.is_cancelled()).count(), 37);
        assert!(flood[0].0.frame().await.unwrap().is_err());
        assert!(!reader.close.is_cancelled());
    }
}
