//! Asks other services about orders, each question at most once in two seconds: concurrent callers wait for the first caller's answer.
//!
//! Each request first reads the order's row, which determines who may see the answer and the version that an answer must have at least. So
//! an answer that an event has overtaken is not shown, and no event has to be written to the cache.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use contracts::ids::UserId;
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::Instant;

use crate::{
    error::Error,
    repository::{Kept, Lookup, StatusCache, StatusKey},
};

/// The lifetime of an answer that may still change.
const MOMENT: Duration = Duration::from_secs(2);
/// The lifetime of an answer that cannot change any more.
const FINAL: Duration = Duration::from_hours(1);
/// How long one caller asks while all others wait; then the next caller asks.
const ASKING: Duration = Duration::from_secs(2);
/// The interval at which waiting callers look for the answer.
const LOOK_EVERY: Duration = Duration::from_millis(25);
/// How long a cache that failed is not used.
const REST: Duration = Duration::from_secs(1);

/// What another service has answered about an order.
pub trait Answer: Serialize + DeserializeOwned {
    /// Returns a number that is larger for a later state.
    fn version(&self) -> u64;
}

/// A question about an order, as its row puts it.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    pub key: StatusKey,
    pub owner: UserId,
    /// The version of the state that the order's row has already.
    pub least_version: u64,
}

/// The outcomes of a request, as the metric `order_status_cache_requests_total` has them.
pub const OUTCOMES: [&str; 3] = ["hit", "miss", "unavailable"];

/// Clones share the cache.
#[derive(Clone, Default)]
pub struct Statuses {
    cache: Option<Arc<dyn StatusCache>>,
    rests_until: Arc<Mutex<Option<Instant>>>,
}

impl Statuses {
    pub fn cached_in(cache: impl StatusCache + 'static) -> Self {
        Self { cache: Some(Arc::new(cache)), rests_until: Arc::default() }
    }

    /// Returns the cached answer, otherwise the answer of `call`. `is_final` is true for an answer that cannot change any more. Failures
    /// and `None` are not cached, and an unavailable cache is not used.
    pub async fn answer<T: Answer>(
        &self,
        asked: Asked,
        is_final: impl FnOnce(&T) -> bool + Send,
        call: impl Future<Output = Result<Option<T>, Error>> + Send,
    ) -> Result<Option<T>, Error> {
        let Some(cache) = self.cache.as_ref() else { return call.await };
        match self.look(cache.as_ref(), asked).await {
            Looked::Found(answer) => {
                count("hit");
                return Ok(Some(answer));
            }
            Looked::Nothing => {
                count("unavailable");
                return call.await;
            }
            Looked::Ask => count("miss"),
        }
        let answer = call.await;
        let kept = match &answer {
            Ok(Some(answer)) => serde_json::to_vec(answer).ok().map(|bytes| {
                let life = if is_final(answer) { FINAL } else { MOMENT };
                (Kept { owner: asked.owner, version: answer.version(), answer: bytes }, life)
            }),
            _ => None,
        };
        let outcome = match kept {
            Some((kept, life)) => cache.keep(asked.key, &kept, life).await,
            None => cache.give_up(asked.key).await,
        };
        if let Err(error) = outcome {
            self.rest(&error);
        }
        answer
    }

    async fn look<T: Answer>(&self, cache: &dyn StatusCache, asked: Asked) -> Looked<T> {
        let Asked { key, owner, least_version } = asked;
        let begun = Instant::now();
        while !self.is_resting() && begun.elapsed() <= ASKING {
            match cache.find(key, owner, least_version, ASKING).await {
                // What another version of this program has kept may have another form.
                Ok(Lookup::Answer(bytes)) => {
                    return serde_json::from_slice(&bytes).map_or(Looked::Ask, Looked::Found);
                }
                Ok(Lookup::Ask) => return Looked::Ask,
                Ok(Lookup::Wait) => tokio::time::sleep(LOOK_EVERY).await,
                Err(error) => self.rest(&error),
            }
        }
        Looked::Nothing
    }

    fn is_resting(&self) -> bool {
        let until = *self.rests_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| until > Instant::now())
    }

    /// Stops using the cache for a second, so that an unavailable cache costs its timeout once a second instead of once per request.
    fn rest(&self, error: &anyhow::Error) {
        if !self.is_resting() {
            tracing::warn!(error = format!("{error:#}"), "status cache unavailable, going without");
        }
        *self.rests_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + REST);
    }
}

enum Looked<T> {
    Found(T),
    Ask,
    Nothing,
}

fn count(outcome: &'static str) {
    metrics::counter!("order_status_cache_requests_total", "outcome" => outcome).increment(1);
}
