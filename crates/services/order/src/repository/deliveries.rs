//! The repository of what orders know of their delivery.

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
    /// Where an order is delivered, in any status of the order. None for an unknown order and for one without an address.
    async fn destination(&self, order: OrderId) -> Result<Option<Destination>, Error>;
    /// Keeps what delivery has told, once per event and unless the order knows a [later](crate::model::DeliveryStatus::follows)
    /// status. False when nothing changed, as for an unknown order.
    ///
    /// Fails, without an inbox row, where the order is another user's: the event is wrong, and stays so when it comes again.
    async fn keep_delivery(
        &self,
        consumer: &'static str,
        event: EventId,
        subject: OrderOf,
        told: &Delivery,
    ) -> Result<bool, Error>;
}

/// The error of an event that names another user than its order has.
pub(super) fn another_user(subject: OrderOf) -> Error {
    Error::Inconsistent(format!("user_uuid is not the user of order {}", subject.order))
}
