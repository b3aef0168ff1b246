//! gRPC client of geo, with a cache of the streets' locations. [`Error`](crate::error::Error) decides what each failure means to callers.

use std::{
    num::NonZeroUsize,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use contracts::proto::geo::{GetGeolocationRequest, geo_client::GeoClient};
use lru::LruCache;
use platform::{
    deadline,
    grpc::{Peer, is_transient},
    retry::Budget,
};
use tonic::Code;

use super::{Geo, GeoError};
use crate::model::{Location, Street};

/// Capacity of the LRU cache of street locations. Entries have no expiry: a street does not move.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(10_000).expect("it is not zero");
/// The time limit of one lookup, retries included.
const PATIENCE: Duration = Duration::from_secs(2);

pub struct GrpcGeo {
    client: GeoClient<Peer>,
    budget: Budget,
    known: Mutex<LruCache<Street, Location>>,
}

impl GrpcGeo {
    /// Creates the client. `geo` may be an outside service, so its channel must carry neither identity nor session.
    pub fn new(geo: Peer) -> Self {
        Self { client: GeoClient::new(geo), budget: Budget::new("geo"), known: Mutex::new(LruCache::new(REMEMBERED)) }
    }

    fn known(&self) -> MutexGuard<'_, LruCache<Street, Location>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Geo for GrpcGeo {
    async fn locate(&self, street: &Street) -> Result<Location, GeoError> {
        if let Some(location) = self.known().get(street) {
            return Ok(*location);
        }
        let asked = self.budget.retry(is_transient, || {
            let mut client = self.client.clone();
            let request = GetGeolocationRequest { street: street.as_str().to_owned() };
            async move { client.get_geolocation(request).await }
        });
        // The message of the status may repeat the street, which is personal data, so the error contains only the code.
        let reply = deadline::within(PATIENCE, asked).await.map_err(|status| match status.code() {
            Code::InvalidArgument => GeoError::Refused,
            code => GeoError::Unavailable(format!("{code:?}")),
        })?;
        let cell = reply.into_inner().location.unwrap_or_default();
        let location = Location::new(cell.x.into(), cell.y.into()).map_err(GeoError::OffTheGrid)?;
        self.known().put(street.clone(), location);
        Ok(location)
    }
}
