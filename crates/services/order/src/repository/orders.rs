//! The repository of orders.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use contracts::ids::{EventId, OrderId, UserId};

use crate::{
    error::Error,
    model::{Claim, Event, NewOrder, Order},
    repository::Quote,
};

/// A position in a user's list of orders: the last one of the previous page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub created_at: DateTime<Utc>,
    pub order: OrderId,
}

/// How long an order may be unpaid, and how many unpaid orders a user may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// An order that is not paid after this long is cancelled.
    pub pay_within: Duration,
    /// An order beyond this number is refused.
    pub max_unpaid: u32,
}

/// Each change is one statement together with its event and the idempotency key's outcome, and takes effect only while the order is
/// in the state that the change starts from. If `claim` has lost its key, nothing changes: [`Error::KeyInProgress`].
#[async_trait]
pub trait Orders: Send + Sync {
    /// Writes an order and its event. Returns an order that exists already unchanged.
    ///
    /// Fails with [`Error::TooManyUnpaid`] if the user has [`Terms::max_unpaid`] unpaid orders. A statement counts only orders committed
    /// before it starts, so concurrent statements for one user can exceed the limit by the orders they create.
    async fn create(
        &self,
        order: &NewOrder,
        quote: &Quote,
        event: &Event,
        terms: Terms,
        claim: Option<&Claim>,
    ) -> Result<Order, Error>;
    /// Finds an order of `user`.
    async fn find(&self, user: UserId, order: OrderId) -> Result<Option<Order>, Error>;
    /// Returns up to `limit` of the user's orders, newest first, starting after `after`.
    async fn page(&self, user: UserId, after: Option<Cursor>, limit: i64) -> Result<Vec<Order>, Error>;
    /// Cancels an order that is neither paid nor being paid. Returns false if the order has left that state.
    async fn cancel(&self, order: OrderId, event: &Event, claim: Option<&Claim>) -> Result<bool, Error>;
    /// Returns up to `limit` unpaid orders whose payment deadline has passed and that have no attempt in progress.
    async fn overdue(&self, limit: i64) -> Result<Vec<Order>, Error>;
    /// Completes a paid order whose ship is assembled, once per event.
    async fn assemble(&self, consumer: &'static str, event: EventId, order: OrderId) -> Result<bool, Error>;
    /// Cancels a paid order that cannot be built; once per event.
    async fn undo(&self, consumer: &'static str, event: EventId, order: OrderId, undone: &Event)
    -> Result<bool, Error>;
}
