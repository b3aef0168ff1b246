//! Clients of other services: order for the address of an order, geo for the location of a street.

mod geo;
mod memory;
mod order;

use async_trait::async_trait;
use contracts::ids::OrderId;
pub use geo::GrpcGeo;
pub use memory::{MemoryGeo, MemoryOrderAddresses};
pub use order::GrpcOrderAddresses;

use crate::model::{Location, OffTheGrid, Street, Volume};

/// Why the order service returned no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderAddressError {
    #[error("order is unavailable: {0}")]
    Unavailable(String),
    /// A retry would fail again.
    #[error("order rejected the request for the address: {0}")]
    Refused(String),
}

/// An order's destination and volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub street: Street,
    pub volume: Volume,
}

#[async_trait]
pub trait OrderAddresses: Send + Sync {
    /// Returns `None` if the order is unknown or has no address.
    async fn address(&self, order: OrderId) -> Result<Option<Address>, OrderAddressError>;
}

/// Does not contain the street, which is personal data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GeoError {
    #[error("geo is unavailable: {0}")]
    Unavailable(String),
    #[error("geo rejected the street")]
    Refused,
    #[error("geo returned a cell outside the grid: {0}")]
    OffTheGrid(OffTheGrid),
}

#[async_trait]
pub trait Geo: Send + Sync {
    async fn locate(&self, street: &Street) -> Result<Location, GeoError>;
}
