//! Keeps the due reservations whose orders exist, and expires the others.

use chrono::{DateTime, Utc};
use contracts::ids::OrderId;
use platform::{
    error_chain,
    postgres::{Halves, count_skipped_row},
};

use super::InventoryService;
use crate::{
    error::Error,
    metrics,
    repository::{Due, Expiry},
};

/// Due reservations per look-up in the order service.
pub const EXPIRY_BATCH: u32 = 200;

impl InventoryService {
    /// Decides a batch of due reservations. Returns the number kept or expired. A reservation stays held while its order
    /// waits for payment.
    ///
    /// Fails while the order service is unavailable; then no reservation expires.
    pub async fn expire_reservations(&self) -> Result<u64, Error> {
        let Due { orders, read_at } = self.warehouse.due(EXPIRY_BATCH.into()).await?;
        if orders.is_empty() {
            return Ok(0);
        }
        let existing = self.orders.existing(&orders).await?;
        let (created, abandoned): (Vec<OrderId>, Vec<OrderId>) =
            orders.into_iter().partition(|order| existing.all.contains(order));
        let (unpaid, paid): (Vec<OrderId>, Vec<OrderId>) =
            created.into_iter().partition(|order| existing.unpaid.contains(order));
        let kept = self.warehouse.keep(&paid, Expiry::Never).await?
            + self.warehouse.keep(&unpaid, Expiry::After(self.reservation_ttl)).await?;
        let expired = self.expire(&abandoned, read_at).await?;
        metrics::due(kept, expired);
        Ok(kept + expired)
    }

    /// Expires the reservations. Logs, counts and moves back one whose stock change the database refuses.
    async fn expire(&self, orders: &[OrderId], read_at: DateTime<Utc>) -> Result<u64, Error> {
        let mut expired = 0;
        let mut parts = Halves::new(orders);
        while let Some(part) = parts.next_part() {
            match self.warehouse.expire(part, read_at).await {
                Err(Error::Database(error)) if error.is_permanent_refusal() => {
                    let Some(order) = parts.refused(part) else { continue };
                    count_skipped_row();
                    tracing::error!(order_uuid = %order, error = error_chain(error), "reservation not expired, skipped");
                    self.warehouse.move_back(*order).await?;
                }
                outcome => expired += outcome?,
            }
        }
        Ok(expired)
    }
}
