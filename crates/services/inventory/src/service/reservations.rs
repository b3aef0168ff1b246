//! The use cases of reservations that the order service requests.

use contracts::ids::{OrderId, UserId};

use super::InventoryService;
use crate::{
    error::Error,
    metrics,
    model::{Holder, Lines, ReservedLine},
    repository::{Expiry, ReservationRequest},
};

impl InventoryService {
    /// Returns the request of an order for parts. With `confirm`, the reservation lasts until the order ends; otherwise
    /// it counts towards the user's share, and expires unless the order exists when it is due.
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

    /// Returns an order's parts to the stock.
    pub async fn release(&self, order: OrderId) -> Result<(), Error> {
        self.warehouse.release(order, None).await
    }

    /// Records that an order's reserved parts are consumed.
    pub async fn commit(&self, order: OrderId) -> Result<(), Error> {
        self.warehouse.commit(order, None).await
    }
}
