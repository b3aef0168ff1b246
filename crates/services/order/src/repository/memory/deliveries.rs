//! The in-memory implementation of [`Deliveries`].

use async_trait::async_trait;
use contracts::{
    events::{Cause, OrderOf},
    ids::OrderId,
};

use super::MemoryOrders;
use crate::{
    error::Error,
    model::{Delivery, Destination},
    repository::{Deliveries, deliveries::another_user},
};

#[async_trait]
impl Deliveries for MemoryOrders {
    async fn destination(&self, order: OrderId) -> Result<Option<Destination>, Error> {
        let tables = self.tables();
        let order = tables.orders.get(&order).map(|row| &row.order);
        Ok(order.and_then(|order| {
            let address = order.delivery_address.clone()?;
            Some(Destination { address, volume: order.parts.len() })
        }))
    }

    async fn store_delivery(&self, cause: Cause, subject: OrderOf, reported: &Delivery) -> Result<bool, Error> {
        let mut tables = self.tables();
        let order = tables.orders.get_mut(&subject.order).map(|row| &mut row.order);
        if order.as_ref().is_some_and(|order| order.user != subject.user) {
            return Err(another_user(subject));
        }
        if !self.inbox.fresh(cause.consumer, cause.event.uuid()) {
            return Ok(false);
        }
        Ok(order.is_some_and(|order| order.store_delivery(reported)))
    }
}
