//! The use cases of reservations: the order service's requests, and the expiry of reservations.

use chrono::{DateTime, Utc};
use contracts::ids::OrderId;
use platform::{error_chain, postgres::DatabaseError};

use super::InventoryService;
use crate::{
    error::Error,
    metrics,
    model::{Lines, ReservedLine},
    repository::{Due, Expiry},
};

/// The maximum number of due reservations about which inventory asks order at once.
pub const EXPIRY_BATCH: u32 = 200;

impl InventoryService {
    /// Reserves parts for an order. If `confirm` is set, the reservation lasts until the order ends; otherwise
    /// it expires unless the order exists when it is due.
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

    /// Decides about a batch of reservations that are due: confirms those whose order exists, and expires the others. Returns their number.
    ///
    /// Fails while the order service is unavailable. Every reservation is kept until it answers.
    pub async fn expire_reservations(&self) -> Result<u64, Error> {
        let Due { orders, read_at } = self.warehouse.due(EXPIRY_BATCH.into()).await?;
        if orders.is_empty() {
            return Ok(0);
        }
        let existing = self.orders.existing(&orders).await?;
        let (created, abandoned): (Vec<OrderId>, Vec<OrderId>) =
            orders.into_iter().partition(|order| existing.contains(order));
        let confirmed = self.warehouse.confirm(&created).await?;
        let expired = match self.warehouse.expire(&abandoned, read_at).await {
            Err(Error::Database(DatabaseError::Refused(_))) => self.expire_each(&abandoned, read_at).await?,
            expired => expired?,
        };
        metrics::due(confirmed, expired);
        Ok(confirmed + expired)
    }

    /// Expires reservations one by one, because the stock refuses one of them. That one is logged and skipped.
    async fn expire_each(&self, orders: &[OrderId], read_at: DateTime<Utc>) -> Result<u64, Error> {
        let mut expired = 0;
        for order in orders {
            expired += match self.warehouse.expire(&[*order], read_at).await {
                Err(error @ Error::Database(DatabaseError::Refused(_))) => {
                    tracing::error!(order_uuid = %order, error = error_chain(error), "reservation not expired, skipped");
                    0
                }
                expired => expired?,
            };
        }
        Ok(expired)
    }
}
