//! The trait of couriers and their places.

use async_trait::async_trait;
use contracts::ids::{CourierId, OrderId, PlaceId, UserId};

use crate::{
    error::Error,
    model::{Location, Name, NewCourier, Speed, Volume},
};

/// A courier as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedCourier {
    pub id: CourierId,
    pub name: Name,
    pub speed: Speed,
    pub location: Location,
    /// The order that the courier carries, the order's user and its destination.
    pub carries: Option<(OrderId, Option<UserId>, Location)>,
}

#[async_trait]
pub trait Couriers: Send + Sync {
    /// Adds the couriers that do not exist yet and leaves existing ones unchanged. Returns the number added.
    async fn seed(&self, couriers: &[NewCourier]) -> Result<usize, Error>;
    /// Fails if the maximum number of couriers exists.
    async fn add(&self, courier: &NewCourier) -> Result<(), Error>;
    /// Fails if there is no such courier, or if the courier has the maximum number of places.
    async fn add_place(&self, courier: CourierId, id: PlaceId, name: &Name, volume: Volume) -> Result<(), Error>;
    /// Returns all couriers in the order in which they were added.
    async fn list(&self) -> Result<Vec<ListedCourier>, Error>;
}

/// The most couriers, and the most places of one.
pub const MOST_COURIERS: i64 = 10_000;
pub const MOST_PLACES: i64 = 100;
