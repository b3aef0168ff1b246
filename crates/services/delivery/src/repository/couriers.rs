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
    /// The order that it carries, its user and where it goes.
    pub carries: Option<(OrderId, Option<UserId>, Location)>,
}

#[async_trait]
pub trait Couriers: Send + Sync {
    /// Adds those that are not there yet, and leaves the others as they are. Returns how many were added.
    async fn seed(&self, couriers: &[NewCourier]) -> Result<usize, Error>;
    /// Fails where there are as many couriers as may be.
    async fn add(&self, courier: &NewCourier) -> Result<(), Error>;
    /// Fails where there is no such courier, or where it has as many places as it may.
    async fn add_place(&self, courier: CourierId, id: PlaceId, name: &Name, volume: Volume) -> Result<(), Error>;
    /// In the order of adding.
    async fn list(&self) -> Result<Vec<ListedCourier>, Error>;
}

/// The most couriers, and the most places of one.
pub const MOST_COURIERS: i64 = 10_000;
pub const MOST_PLACES: i64 = 100;
