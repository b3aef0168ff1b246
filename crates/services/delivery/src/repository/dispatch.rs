//! The trait of what happens between orders and couriers: assigning and moving.

use async_trait::async_trait;
use contracts::ids::{CourierId, OrderId};

use crate::{
    error::Error,
    model::{Assignment, Courier, Step, Trip, Volume, Waiting},
};

#[async_trait]
pub trait Dispatch: Send + Sync {
    /// All couriers that carry nothing.
    async fn free(&self) -> Result<Vec<Courier>, Error>;
    /// The orders that wait longest for a courier, of volumes up to `largest`, at most `limit`.
    async fn waiting(&self, largest: Volume, limit: i64) -> Result<Vec<Waiting>, Error>;
    /// Gives each order that still waits to its courier, if that still is free. One statement: order, courier, place and events.
    /// Returns the orders that were given.
    async fn assign(&self, assignments: &[Assignment]) -> Result<Vec<OrderId>, Error>;
    /// The couriers that carry an order, by uuid, at most `limit` after `after`.
    async fn trips(&self, after: Option<CourierId>, limit: i64) -> Result<Vec<Trip>, Error>;
    /// Makes a step with each courier that is where it was. Nothing is written unless `epoch` is that of the mover's lease.
    async fn step(&self, epoch: i64, steps: &[Step]) -> Result<Moved, Error>;
}

/// What became of steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// The couriers that made their step.
    pub couriers: usize,
    /// Those of them that arrived.
    pub arrived: usize,
}
