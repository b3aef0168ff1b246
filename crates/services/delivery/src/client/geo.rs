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
const MAX_REMEMBERED: u64 = 10_000;
/// A cached location expires, since geo may be an outside program that corrects a location.
const REMEMBERED_FOR: Duration = Duration::from_mins(10);
/// Limits one lookup, retries included.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(2);

pub struct GrpcGeo {
    client: GeoClient<Peer>,
    budget: Budget,
    known: Places,
}

/// Locations by the SHA-256 digest of the street, since an address is personal data.
struct Places(Cache<[u8; 32], Location>);

impl Places {
    fn new(capacity: u64, lifetime: Duration) -> Self {
        Self(Cache::builder().max_capacity(capacity).time_to_live(lifetime).build())
    }

    fn get(&self, street: &Street) -> Option<Location> {
        self.0.get(&digest(street))
    }

    fn put(&self, street: &Street, location: Location) {
        self.0.insert(digest(street), location);
    }
}

fn digest(street: &Street) -> [u8; 32] {
    Sha256::digest(street.as_str()).into()
}

impl GrpcGeo {
    /// Creates the client. `geo` may be an outside service, so its channel must carry neither identity nor session.
    pub fn new(geo: Peer) -> Self {
        let known = Places::new(MAX_REMEMBERED, REMEMBERED_FOR);
        Self { client: GeoClient::new(geo), budget: Budget::new("geo"), known }
    }
}

#[async_trait]
impl Geo for GrpcGeo {
    async fn locate(&self, street: &Street) -> Result<Location, GeoError> {
        if let Some(location) = self.known.get(street) {
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
        self.known.put(street, location);
        Ok(location)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn street(number: u64) -> Street {
        Street::new(format!("Main Street {number}")).unwrap()
    }

    #[test]
    fn a_location_is_remembered_for_its_lifetime() {
        let (long, short) = (Duration::from_hours(1), Duration::from_millis(1));
        let [kept, expired] = [long, short].map(|lifetime| Places::new(10, lifetime));
        for places in [&kept, &expired] {
            places.put(&street(1), Location::numbered(7));
        }
        std::thread::sleep(Duration::from_millis(2));

        assert_eq!(kept.get(&street(1)), Some(Location::numbered(7)));
        assert_eq!(kept.get(&street(2)), None);
        assert_eq!(expired.get(&street(1)), None);
    }
}
