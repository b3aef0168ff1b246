//! The use cases of reservations: order's requests, the events of orders, and the expiry of due reservations.

use chrono::{DateTime, Utc};
use contracts::{
    events::Cause,
    ids::{OrderId, UserId},
};
use platform::{error_chain, postgres::Halves};

use super::InventoryService;
use crate::{
    error::Error,
    metrics,
    model::{Expiry, Holder, Lines, ReservedLine},
    repository::{Due, ReservationRequest},
};

impl InventoryService {
    /// Builds an order's request to reserve `lines`. With `confirm`, the reservation lasts until the order ends;
    /// otherwise it counts towards the user's share, and expires unless the order exists when it is due.
    pub fn request(&self, order: OrderId, user: Option<UserId>, lines: Lines, confirm: bool) -> ReservationRequest {
        let expiry = if confirm { Expiry::Never } else { Expiry::After(self.reservation_ttl) };
        let holder = user.map(|user| Holder { user, max_share: self.max_share });
        ReservationRequest { order, lines, expiry, holder }
    }

    /// Decides each request by itself. Returns the results in the order of the requests.
    pub async fn reserve(&self, requests: Vec<ReservationRequest>) -> Vec<Result<Vec<ReservedLine>, Error>> {
        let results = self.warehouse.reserve(requests).await;
        for result in &results {
            metrics::reserved(match result {
                Ok(_) => "reserved",
                Err(Error::OutOfStock(_)) => "out_of_stock",
                Err(Error::TooManyReserved(_)) => "too_many_reserved",
                Err(_) => "refused",
            });
        }
        results
    }

    pub async fn report_unpaid_share(&self) {
        // The job `reservations` logs that the database is unavailable.
        if let Ok(share) = self.warehouse.unpaid_share().await {
            metrics::unpaid_share(share);
        }
    }

    pub async fn release(&self, order: OrderId) -> Result<(), Error> {
        self.warehouse.release(order, None).await
    }

    /// Records that an order's reserved parts are consumed.
    pub async fn commit(&self, order: OrderId) -> Result<(), Error> {
        self.warehouse.commit(order, None).await
    }

    pub async fn order_cancelled(&self, cause: Cause, order: OrderId) -> Result<(), Error> {
        skip_contradictions(order, self.warehouse.release(order, Some(cause)).await, "reserved parts released")
    }

    /// Commits the order's reservation: its parts are built into the ship.
    pub async fn ship_assembled(&self, cause: Cause, order: OrderId) -> Result<(), Error> {
        skip_contradictions(order, self.warehouse.commit(order, Some(cause)).await, "reserved parts used")
    }
}

/// Logs `done` after a success. Logs, counts and skips an event that contradicts the reservation: a retry would fail
/// again, so an operator must investigate.
fn skip_contradictions(order: OrderId, result: Result<(), Error>, done: &'static str) -> Result<(), Error> {
    match result {
        Ok(()) => {
            tracing::info!(order_uuid = %order, "{done}");
            Ok(())
        }
        Err(error @ (Error::ReservationNotFound(_) | Error::ReservationEnded(_) | Error::OutOfStock(_))) => {
            tracing::error!(order_uuid = %order, %error, "event contradicts the order's reservation, skipped");
            metrics::inconsistent();
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Due reservations per look-up in the order service.
pub const EXPIRY_BATCH: u32 = 200;

impl InventoryService {
    /// Decides a batch of due reservations. Returns the number kept or expired. A reservation stays held while its
    /// order waits for payment.
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
        // The others are paid, or cancelled: `OrderCancelled` releases these.
        let (unpaid, others): (Vec<OrderId>, Vec<OrderId>) =
            created.into_iter().partition(|order| existing.unpaid.contains(order));
        let kept = self.warehouse.keep(&others, Expiry::Never).await?
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
                    tracing::error!(order_uuid = %order, error = error_chain(error), "reservation not expired, skipped");
                    self.warehouse.move_back(*order).await?;
                }
                outcome => expired += outcome?,
            }
        }
        Ok(expired)
    }
}
