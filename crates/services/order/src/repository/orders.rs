//! The repositories of orders and of their deliveries.

use std::{collections::HashMap, time::Duration};

use async_trait::async_trait;
use contracts::{
    events::{Cause, OrderOf},
    ids::{OrderId, PartId, UserId},
    money::Money,
};
use platform::cursor::Cursor;

use crate::{
    error::Error,
    model::{CheckoutDetails, Claim, Delivery, Destination, Event, NewOrder, Order, Status},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnpaidLimits {
    /// An unpaid order is cancelled after this duration.
    pub pay_within: Duration,
    /// The maximum number of a user's orders of [`UNPAID_COUNTS_FOR`] that were never paid: they wait for payment or
    /// are cancelled. Any further order is refused.
    pub max_unpaid: u32,
}

/// An order that is never paid counts towards [`UnpaidLimits::max_unpaid`] for this long, even after it is cancelled.
/// So cancelling each order does not let a user create more.
pub const UNPAID_COUNTS_FOR: Duration = Duration::from_hours(24);

/// The lease of an overdue order. A process that dies meanwhile delays the cancellation by this time; audits allow a
/// delay of one minute.
pub const OVERDUE_TAKEN_FOR: Duration = Duration::from_secs(10);

/// One statement writes a change together with its event and the idempotency key's outcome. It takes effect only while
/// the order is in the state from which the change starts. If `claim` has lost its key, the call changes nothing and
/// fails with [`Error::KeyInProgress`].
#[async_trait]
pub trait Orders: Send + Sync {
    /// Writes an order and its event. If the order exists already, returns the existing order unchanged.
    ///
    /// Fails with [`Error::TooManyUnpaid`] if the user has [`UnpaidLimits::max_unpaid`] such orders. A statement counts
    /// only orders committed before it starts, so concurrent statements for one user can exceed the limit by the orders
    /// they create.
    async fn create(
        &self,
        order: &NewOrder,
        terms: &OrderTerms,
        event: &Event,
        unpaid_limits: UnpaidLimits,
        claim: Option<&Claim>,
    ) -> Result<Order, Error>;
    async fn find(&self, user: UserId, order: OrderId) -> Result<Option<Order>, Error>;
    /// Returns the user who placed the order, or `None` if the order does not exist.
    async fn owner(&self, order: OrderId) -> Result<Option<UserId>, Error>;
    /// Returns the status of those orders that exist, of any user.
    async fn existing(&self, orders: &[OrderId]) -> Result<HashMap<OrderId, Status>, Error>;
    /// Returns the user's newest unpaid order that contains the part.
    async fn holder(&self, user: UserId, part: PartId) -> Result<Option<OrderId>, Error>;
    /// Returns up to `limit` of the user's [open](Order::is_open) orders, oldest first, and the number of all.
    async fn open(&self, user: UserId, limit: u8) -> Result<(Vec<OrderId>, u32), Error>;
    /// Returns up to `size` of the user's orders after `after`, newest first, and the cursor of the next page if there
    /// is one. An order that cannot be decoded is left out, but counts towards `size`.
    async fn page(&self, user: UserId, after: Option<Cursor>, size: u8) -> Result<(Vec<Order>, Option<Cursor>), Error>;
    /// Cancels an unpaid order without an attempt in progress. Returns false if the order is no longer in that state.
    async fn cancel(&self, order: OrderId, event: &Event, claim: Option<&Claim>) -> Result<bool, Error>;
    /// Takes up to `limit` unpaid orders whose payment deadline has passed and that have no attempt in progress, with
    /// their users. Each is overdue again after [`OVERDUE_TAKEN_FOR`], so that orders that cannot be cancelled hold up
    /// no others.
    async fn overdue(&self, limit: i64) -> Result<Vec<(OrderId, UserId)>, Error>;
    /// Completes a paid order whose ship is assembled, once per event. Returns false if nothing changed.
    async fn assemble(&self, cause: Cause, order: OrderId) -> Result<bool, Error>;
    /// Cancels a paid order whose ship cannot be built, once per event. Returns false if nothing changed.
    async fn compensate(&self, cause: Cause, order: OrderId, cancellation: &Event) -> Result<bool, Error>;
    /// Returns the data of an order that only `/api/orders` shows, or none if the order does not exist.
    async fn checkout_details(&self, order: OrderId) -> Result<CheckoutDetails, Error>;
    /// Takes at most `limit` orders that are due to be paid from their users' balances. Each is due again after
    /// `backoff`, which doubles each time up to 16 times `backoff`. An order is not due while an attempt is in
    /// progress, or after an attempt from the balance was declined.
    async fn due_to_pay_themselves(&self, limit: i64, backoff: Duration) -> Result<Vec<(OrderId, UserId)>, Error>;
}

/// The prices at which an order is created, and how it is paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderTerms {
    pub total_price: Money,
    /// The price of one piece of each part, in the order of
    /// [`NewOrder::quantities`](crate::model::NewOrder::quantities).
    pub unit_prices: Vec<Money>,
    /// True if the job `pay_from_balances` pays the order from its user's balance, without a request to pay.
    pub pays_itself: bool,
}

#[async_trait]
pub trait Deliveries: Send + Sync {
    /// Returns the destination of an order in any status. Returns `None` if the order does not exist or has no address.
    async fn destination(&self, order: OrderId) -> Result<Option<Destination>, Error>;
    /// Stores the state that the delivery service reported, once per event and only if its status
    /// [follows](crate::model::DeliveryStatus::follows) the stored one. Returns false if nothing changed, for instance
    /// because the order does not exist.
    ///
    /// Fails without writing an inbox row if the order belongs to another user: the event is wrong, and a redelivery
    /// would fail again.
    async fn store_delivery(&self, cause: Cause, subject: OrderOf, reported: &Delivery) -> Result<bool, Error>;
}

/// Returns the error for an event whose user is not the user of the order.
pub(super) fn another_user(subject: OrderOf) -> Error {
    Error::Inconsistent(format!("user_uuid is not the user of order {}", subject.order))
}
