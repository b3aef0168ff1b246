//! gRPC client of geo, with a cache of the streets' locations. [`Error`](crate::error::Error) decides what each failure
//! means to callers.

use std::time::Duration;

use async_trait::async_trait;
use contracts::proto::geo::{GetGeolocationRequest, geo_client::GeoClient};
use moka::sync::Cache;
use platform::{
    deadline,
    grpc::{Peer, is_refusal, is_transient},
    retry::Budget,
};
use sha2::{Digest as _, Sha256};

use super::{Geo, GeoError};
use crate::model::{Location, Street};

/// The maximum number of cached locations: about 2 MB.
const CACHE_CAPACITY: u64 = 10_000;
/// A cached location expires, since geo may be an outside program that corrects a location.
const CACHE_TTL: Duration = Duration::from_mins(10);
/// Limits one lookup, retries included.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(2);

pub struct GrpcGeo {
    client: GeoClient<Peer>,
    budget: Budget,
    /// Locations by the SHA-256 digest of the street, since an address is personal data.
    cache: Cache<[u8; 32], Location>,
}

impl GrpcGeo {
    /// Creates the client. `geo` may be an outside service, so its channel must carry neither identity nor session.
    pub fn new(geo: Peer) -> Self {
        let cache = Cache::builder().max_capacity(CACHE_CAPACITY).time_to_live(CACHE_TTL).build();
        Self { client: GeoClient::new(geo), budget: Budget::new("geo"), cache }
    }
}

#[async_trait]
impl Geo for GrpcGeo {
    async fn locate(&self, street: &Street) -> Result<Location, GeoError> {
        let digest: [u8; 32] = Sha256::digest(street.as_str()).into();
        if let Some(location) = self.cache.get(&digest) {
            return Ok(location);
        }
        let asked = self.budget.retry(is_transient, || {
            let mut client = self.client.clone();
            let request = GetGeolocationRequest { street: street.as_str().to_owned() };
            async move { client.get_geolocation(request).await }
        });
        // The error contains only the code: the status's message may repeat the street, which is personal data.
        let reply = deadline::within(LOOKUP_TIMEOUT, asked).await.map_err(|status| match status.code() {
            _ if is_refusal(&status) => GeoError::Refused,
            code => GeoError::Unavailable(format!("{code:?}")),
        })?;
        let cell = reply.into_inner().location.unwrap_or_default();
        let location = Location::new(cell.x.into(), cell.y.into()).map_err(GeoError::OffTheGrid)?;
        self.cache.insert(digest, location);
        Ok(location)
    }
}
