//! The use cases of reservations: the order service's requests, and the expiry of reservations.

use contracts::ids::OrderId;

use super::InventoryService;
use crate::{
    error::Error,
    model::{Lines, Reserved},
    repository::Expiry,
};

/// The maximum number of reservations that one statement expires.
pub const EXPIRY_BATCH: u32 = 200;

impl InventoryService {
    /// Reserves parts for an order. If `confirm` is set, the reservation lasts until the order ends; otherwise it expires.
    pub async fn reserve(&self, order: OrderId, lines: &Lines, confirm: bool) -> Result<Vec<Reserved>, Error> {
        let expiry = if confirm { Expiry::Never } else { Expiry::After(self.reservation_ttl) };
        let result = self.warehouse.reserve(order, lines, expiry, None).await;
        let label = match &result {
            Ok(_) => "reserved",
            Err(Error::OutOfStock(_)) => "out_of_stock",
            Err(_) => "refused",
        };
        metrics::counter!("inventory_reservations_total", "outcome" => label).increment(1);
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

    /// Expires a batch of reservations that were not confirmed in time. Returns the number of expired reservations.
    pub async fn expire(&self) -> Result<u64, Error> {
        self.warehouse.expire(EXPIRY_BATCH.into()).await
    }
}
