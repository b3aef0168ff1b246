//! The repository of the addresses and delivery statuses of orders.

use async_trait::async_trait;
use contracts::{
    events::{Cause, OrderOf},
    ids::OrderId,
};

use crate::{
    error::Error,
    model::{Delivery, Destination},
};

#[async_trait]
pub trait Deliveries: Send + Sync {
    /// Returns the destination of an order in any status. Returns `None` if the order does not exist or has no address.
    async fn destination(&self, order: OrderId) -> Result<Option<Destination>, Error>;
    /// Stores the state that the delivery service reported, once per event and only if its status
    /// [follows](crate::model::DeliveryStatus::follows) the stored one. Returns false if nothing changed, for instance because the order
    /// does not exist.
    ///
    /// Fails without writing an inbox row if the order belongs to another user: the event is wrong, and a redelivery would fail again.
    async fn store_delivery(&self, cause: Cause, subject: OrderOf, reported: &Delivery) -> Result<bool, Error>;
}

/// Returns the error for an event whose user is not the user of the order.
pub(super) fn another_user(subject: OrderOf) -> Error {
    Error::Inconsistent(format!("user_uuid is not the user of order {}", subject.order))
}
