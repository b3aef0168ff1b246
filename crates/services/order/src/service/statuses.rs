//! Gets data about orders from other services through a cache. Each response is requested at most once in two seconds,
//! while the cache is available; concurrent callers wait for the first caller's response.
//!
//! Each request first reads the order's row. The row determines who may see the response and the minimum version of a
//! cached response. So a cached response older than the last event is not used, and events need not be written to the
//! cache.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use contracts::ids::UserId;
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::Instant;

use crate::{
    error::Error,
    metrics,
    repository::{CachedStatus, Lookup, StatusCache, StatusKey},
};

/// The lifetime of a cached response that may still change.
const CHANGING_TTL: Duration = Duration::from_secs(2);
/// The lifetime of a cached response that cannot change any more.
const FINAL_TTL: Duration = Duration::from_hours(1);
/// Other callers wait this long for the caller that calls the service. Then the next caller calls the service.
const MAX_WAIT: Duration = Duration::from_secs(2);
/// The interval at which a waiting caller looks the response up in the cache.
const POLL_INTERVAL: Duration = Duration::from_millis(25);
/// The cache is not used for this long after it has failed.
const FAILURE_PAUSE: Duration = Duration::from_secs(1);

/// Another service's response about an order.
pub trait PeerResponse: Serialize + DeserializeOwned {
    /// Returns a number that is larger for a later state.
    fn version(&self) -> u64;
}

/// A request for a response about an order, with the conditions that the order's row determines.
#[derive(Clone, Copy, Debug)]
pub struct StatusRequest {
    pub key: StatusKey,
    pub owner: UserId,
    /// The minimum version of a valid response, which is the version of the state in the order's row.
    pub least_version: u64,
}

/// The reader of responses through the cache, if one is configured. Clones share the cache.
#[derive(Clone, Default)]
pub struct Statuses {
    cache: Option<Arc<dyn StatusCache>>,
    rests_until: Arc<Mutex<Option<Instant>>>,
}

impl Statuses {
    pub fn cached_in(cache: impl StatusCache + 'static) -> Self {
        Self { cache: Some(Arc::new(cache)), rests_until: Arc::default() }
    }

    /// Returns the cached response, or else the response of `call`, which it caches. `is_final` returns true for a
    /// response that cannot change any more. Failures and `None` are not cached. Without the cache, only `call` is
    /// used.
    pub async fn get<T: PeerResponse>(
        &self,
        request: StatusRequest,
        is_final: impl FnOnce(&T) -> bool + Send,
        call: impl Future<Output = Result<Option<T>, Error>> + Send,
    ) -> Result<Option<T>, Error> {
        let Some(cache) = self.cache.as_ref() else { return call.await };
        match self.look(cache.as_ref(), request).await {
            Looked::Found(response) => {
                metrics::status_looked_up(request.key.kind, "hit");
                return Ok(Some(response));
            }
            Looked::Nothing => {
                metrics::status_looked_up(request.key.kind, "unavailable");
                return call.await;
            }
            Looked::Ask => metrics::status_looked_up(request.key.kind, "miss"),
        }
        let response = call.await;
        let cached = match &response {
            Ok(Some(response)) => serde_json::to_vec(response).ok().map(|bytes| {
                let ttl = if is_final(response) { FINAL_TTL } else { CHANGING_TTL };
                (CachedStatus { owner: request.owner, version: response.version(), response: bytes }, ttl)
            }),
            _ => None,
        };
        let outcome = match cached {
            Some((cached, ttl)) => cache.store(request.key, &cached, ttl).await,
            None => cache.give_up(request.key).await,
        };
        if let Err(error) = outcome {
            self.rest(&error);
        }
        response
    }

    async fn look<T: PeerResponse>(&self, cache: &dyn StatusCache, request: StatusRequest) -> Looked<T> {
        let StatusRequest { key, owner, least_version } = request;
        let begun = Instant::now();
        while !self.is_resting() && begun.elapsed() <= MAX_WAIT {
            match cache.find(key, owner, least_version, MAX_WAIT).await {
                // Another version of this service may have cached the response in another format.
                Ok(Lookup::Response(bytes)) => {
                    return serde_json::from_slice(&bytes).map_or(Looked::Ask, Looked::Found);
                }
                Ok(Lookup::Ask) => return Looked::Ask,
                Ok(Lookup::Wait) => tokio::time::sleep(POLL_INTERVAL).await,
                Err(error) => self.rest(&error),
            }
        }
        Looked::Nothing
    }

    fn is_resting(&self) -> bool {
        let until = *self.rests_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| until > Instant::now())
    }

    /// Stops using the cache for a second, so that an unavailable cache costs its timeout once a second instead of once
    /// per request.
    fn rest(&self, error: &anyhow::Error) {
        if !self.is_resting() {
            tracing::warn!(error = format!("{error:#}"), "status cache unavailable, bypassed");
        }
        *self.rests_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + FAILURE_PAUSE);
    }
}

enum Looked<T> {
    Found(T),
    Ask,
    Nothing,
}
