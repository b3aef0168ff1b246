//! The use cases of reservations that the order service requests.

use contracts::ids::OrderId;

use super::InventoryService;
use crate::{
    error::Error,
    metrics,
    model::{Lines, ReservedLine},
    repository::Expiry,
};

impl InventoryService {
    /// With `confirm`, the reservation lasts until the order ends; otherwise it expires unless the order exists when it
    /// is due.
    pub async fn reserve(&self, order: OrderId, lines: &Lines, confirm: bool) -> Result<Vec<ReservedLine>, Error> {
        let expiry = if confirm { Expiry::Never } else { Expiry::After(self.reservation_ttl) };
        let result = self.warehouse.reserve(order, lines, expiry).await;
        let label = match &result {
            Ok(_) => "reserved",
            Err(Error::OutOfStock(_)) => "out_of_stock",
            Err(_) => "refused",
        };
        metrics::reserved(label);
        result
    }

    /// Returns an order's parts to the stock.
    pub async fn release(&self, order: OrderId) -> Result<(), Error> {
        self.warehouse.release(order, None).await
    }

    /// Records that an order's reserved parts are consumed.
    pub async fn commit(&self, order: OrderId) -> Result<(), Error> {
        self.warehouse.commit(order, None).await
    }
}
