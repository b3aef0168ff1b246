//! The repository of the delivery data of orders.

use async_trait::async_trait;
use contracts::{
    events::OrderOf,
    ids::{EventId, OrderId},
};

use crate::{
    error::Error,
    model::{Delivery, Destination},
};

#[async_trait]
pub trait Deliveries: Send + Sync {
    /// Returns the destination of an order in any status; `None` for an unknown order and for one without an address.
    async fn destination(&self, order: OrderId) -> Result<Option<Destination>, Error>;
    /// Stores the state reported by the delivery service, once per event and unless the order has a
    /// [later](crate::model::DeliveryStatus::follows) status. Returns false if nothing changed, for instance for an unknown order.
    ///
    /// Fails, without an inbox row, if the order belongs to another user: the event is wrong, and its redelivery would be too.
    async fn keep_delivery(
        &self,
        consumer: &'static str,
        event: EventId,
        subject: OrderOf,
        told: &Delivery,
    ) -> Result<bool, Error>;
}

/// Returns the error of an event that names another user than its order.
pub(super) fn another_user(subject: OrderOf) -> Error {
    Error::Inconsistent(format!("user_uuid is not the user of order {}", subject.order))
}
