//! Asks other services about orders, each question at most once in two seconds; all other callers wait for that answer.
//!
//! The order's row is read first, for each request: it says who may know, and which version an answer must have at least. So an answer
//! that an event has overtaken is not shown, and no event has to be written to the cache.

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

/// How long an answer is shown that may change.
const MOMENT: Duration = Duration::from_secs(2);
/// And one that does not change any more.
const FINAL: Duration = Duration::from_hours(1);
/// How long one caller asks while the others wait; then the next does.
const ASKING: Duration = Duration::from_secs(2);
/// How often those who wait look.
const LOOK_EVERY: Duration = Duration::from_millis(25);
/// How long a cache that failed is left alone.
const REST: Duration = Duration::from_secs(1);

/// What another service has answered about an order.
pub trait Answer: Serialize + DeserializeOwned {
    /// Larger for a later state.
    fn version(&self) -> u64;
}

/// A question about an order, as its row puts it.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    pub key: StatusKey,
    pub owner: UserId,
    /// The order knows this much already.
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

    /// The kept answer, otherwise what `call` answers. `is_final` tells whether an answer can still change. Failures and *nothing* are not
    /// kept, and a cache that is away is as none.
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

    /// A cache that is away costs its limit once a second, not for each request.
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
