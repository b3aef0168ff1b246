//! The trait of the repository of deliveries.

use async_trait::async_trait;
use contracts::{
    events::Cause,
    ids::{OrderId, UserId},
};

use crate::{
    error::Error,
    model::{Delivery, Early, Event, Known, Location, Trip},
};

/// An order that waits for a courier or is carried by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActiveOrder {
    pub order: OrderId,
    pub user: Option<UserId>,
    pub location: Location,
}

/// A delivery, and its courier's trip while a courier carries the order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    pub delivery: Delivery,
    pub trip: Option<Trip>,
}

#[async_trait]
pub trait Deliveries: Send + Sync {
    async fn find(&self, order: OrderId) -> Result<Known, Error>;
    /// Writes a delivery and its events if the database's record of the order is still `known`. Otherwise writes
    /// nothing and returns false.
    async fn save(
        &self,
        known: &Known,
        delivery: &Delivery,
        events: &[Event],
        cause: Option<Cause>,
    ) -> Result<bool, Error>;
    /// Stores an event of an order that has no row yet. If the inbox has `paid` although the order has no row, the
    /// order gets no delivery, and only `cause` is recorded in the inbox. If the order has a row by now, writes nothing
    /// and returns false.
    async fn keep_early(&self, order: OrderId, early: Early, paid: Cause, cause: Cause) -> Result<bool, Error>;
    /// Records in the inbox an event that changes nothing.
    async fn skip(&self, cause: Cause) -> Result<(), Error>;
    /// Returns up to `limit` orders that wait for a courier or are carried, of `user` or of all users, longest wait first.
    async fn active(&self, user: Option<UserId>, limit: i64) -> Result<Vec<ActiveOrder>, Error>;
    async fn show(&self, order: OrderId) -> Result<Option<Shown>, Error>;
}
