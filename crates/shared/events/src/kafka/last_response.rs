//! The age of a client's last response, past which the client is rebuilt.
//!
//! librdkafka forgets all brokers permanently if one broker lists none in a response, which a broker does after it was
//! frozen until the cluster fenced it (<https://github.com/confluentinc/librdkafka/issues/5301>).

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use serde::Deserialize;
use tokio::time::Instant;

/// How long a client may get no response before it is rebuilt.
pub(super) const MAX_SILENCE: Duration = Duration::from_secs(15);

/// Since when a client has got no response. `None` after a response.
#[derive(Default)]
pub(super) struct LastResponse(Mutex<Option<Instant>>);

impl LastResponse {
    /// Records whether a broker has responded. Returns true once none has for [`MAX_SILENCE`]; the measurement then
    /// starts again.
    pub fn is_too_old(&self, has_response: bool) -> bool {
        let mut since = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if has_response {
            *since = None;
            return false;
        }
        let is_too_old = since.get_or_insert_with(Instant::now).elapsed() >= MAX_SILENCE;
        if is_too_old {
            *since = None;
        }
        is_too_old
    }
}

/// The part of librdkafka's statistics that this module reads.
#[derive(Deserialize)]
struct Statistics {
    /// The number of responses from brokers.
    rx: i64,
}

/// The responses that one consumer has got, by its statistics. A member of a group sends heartbeats, so it gets
/// responses although its topic is idle.
#[derive(Default)]
pub(super) struct Responses {
    count: AtomicI64,
    last: LastResponse,
}

impl Responses {
    /// Returns true if the consumer has got no response for too long.
    pub fn are_lacking(&self, statistics: &[u8]) -> bool {
        let Ok(Statistics { rx }) = serde_json::from_slice(statistics) else { return false };
        self.last.is_too_old(self.count.swap(rx, Ordering::Relaxed) != rx)
    }

    /// Returns false if the consumer has never got a response. It still knows the brokers, so it is not rebuilt.
    pub fn had_any(&self) -> bool {
        self.count.load(Ordering::Relaxed) > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn silence_lasts_from_the_first_lack_of_a_response_to_the_next_one() {
        let last_response = LastResponse::default();
        let answered = async |after: u64, has_response| {
            tokio::time::advance(Duration::from_secs(after)).await;
            last_response.is_too_old(has_response)
        };

        assert!(!answered(0, false).await && !answered(14, false).await && !answered(0, true).await);
        assert!(!answered(14, false).await && !answered(14, false).await && answered(1, false).await);
        assert!(!answered(1, false).await, "the new client has as much time");
    }

    #[tokio::test(start_paused = true)]
    async fn a_consumer_whose_count_of_responses_stands_still_lacks_responses() {
        let responses = Responses::default();
        let are_lacking = async |rx: i64| {
            tokio::time::advance(MAX_SILENCE / 3).await;
            responses.are_lacking(format!(r#"{{"name": "client", "rx": {rx}, "brokers": {{}}}}"#).as_bytes())
        };

        assert!(!are_lacking(7).await && !are_lacking(7).await && !are_lacking(8).await);
        assert!(!are_lacking(8).await && !are_lacking(8).await && !are_lacking(8).await && are_lacking(8).await);
    }
}
