//! The trait of the repository of couriers.

use async_trait::async_trait;
use contracts::ids::{CourierId, OrderId, PlaceId, UserId};

use crate::{
    error::Error,
    model::{Location, Name, NewCourier, Speed, Volume},
};

/// A courier as it appears in lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedCourier {
    pub id: CourierId,
    pub name: Name,
    pub speed: Speed,
    pub location: Location,
    /// The order that the courier carries, its user and its destination.
    pub carries: Option<(OrderId, Option<UserId>, Location)>,
}

#[async_trait]
pub trait Couriers: Send + Sync {
    /// Adds the couriers that do not exist yet. Returns their number.
    async fn seed(&self, couriers: &[NewCourier]) -> Result<usize, Error>;
    /// Fails if `MAX_COURIERS` exist.
    async fn add(&self, courier: &NewCourier) -> Result<(), Error>;
    /// Fails if the courier does not exist or has `MAX_PLACES`.
    async fn add_place(&self, courier: CourierId, id: PlaceId, name: &Name, volume: Volume) -> Result<(), Error>;
    /// Lists the couriers in the order in which they were added.
    async fn list(&self) -> Result<Vec<ListedCourier>, Error>;
}

/// The maximum number of couriers, and of storage places per courier.
pub const MAX_COURIERS: i64 = 10_000;
pub const MAX_PLACES: i64 = 100;
