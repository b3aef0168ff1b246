//! The use cases of an order's delivery: its destination, the statuses that the delivery service reports, and its
//! current position.

use std::{sync::Arc, time::Duration};

use contracts::{
    events::{Cause, OrderOf},
    ids::{OrderId, UserId},
};
use platform::{deadline, outage::refused};

use super::{PeerResponse, StatusRequest, Statuses};
use crate::{
    client::Tracking,
    error::{Error, OrderRefusal},
    model::{Delivery, Destination, Tracked},
    repository::{Deliveries, Orders, StatusKey, StatusKind},
};

/// The timeout of a call to the delivery service. It is far below a request's time limit, so that the request can still
/// respond with the stored state. It is long enough for the circuit breaker to count the call as failed.
const TRACK_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Clone)]
pub struct DeliveryService {
    orders: Arc<dyn Orders>,
    deliveries: Arc<dyn Deliveries>,
    tracking: Arc<dyn Tracking>,
    statuses: Statuses,
}

impl DeliveryService {
    pub fn new<R>(repository: Arc<R>, tracking: Arc<dyn Tracking>) -> Self
    where
        R: Orders + Deliveries + 'static,
    {
        Self { orders: repository.clone(), deliveries: repository, tracking, statuses: Statuses::default() }
    }

    /// Makes the service cache the delivery service's responses about an order for a short time.
    #[must_use]
    pub fn with_statuses(self, statuses: Statuses) -> Self {
        Self { statuses, ..self }
    }

    pub async fn destination(&self, order: OrderId) -> Result<Destination, Error> {
        self.deliveries.destination(order).await?.ok_or(Error::DeliveryNotFound(order))
    }

    /// Stores a status that the delivery service reported, once per event. An earlier status never replaces a later
    /// one.
    pub async fn status_updated(&self, cause: Cause, subject: OrderOf, reported: Delivery) -> Result<(), Error> {
        let order = subject.order;
        if self.deliveries.store_delivery(cause, subject, &reported).await? {
            tracing::info!(order_uuid = %order, status = reported.status.as_str(), "delivery status updated");
        }
        Ok(())
    }

    /// Returns the delivery of one of the user's orders. The state comes from the delivery service or, while that
    /// service is unavailable, from order's database.
    pub async fn track(&self, user: UserId, order: OrderId) -> Result<Tracked, Error> {
        let found = self.orders.find(user, order).await?.ok_or(OrderRefusal::OrderNotFound(order))?;
        // The address of an order that has ended may have been removed.
        if found.delivery_address.is_none() && found.delivery.is_none() {
            return Err(Error::DeliveryNotFound(order));
        }
        let kept = found.delivery.map(|delivery| Tracked { delivery, position: None });
        let request = StatusRequest {
            key: StatusKey { kind: StatusKind::Delivery, order },
            owner: user,
            least_version: kept.as_ref().map_or(0, |known| known.delivery.status.version()),
        };
        let is_final = |tracked: &Tracked| tracked.delivery.status.is_final();
        let call = deadline::within(TRACK_TIMEOUT, self.tracking.track(order));
        match (self.statuses.get(request, is_final, call).await, kept) {
            (Ok(Some(tracked)), _) | (Ok(None), Some(tracked)) => Ok(tracked),
            (Ok(None), None) => Err(Error::DeliveryNotFound(order)),
            (Err(Error::Unavailable(peer, error)), Some(kept)) => {
                refused("delivery status served from the database", format!("{peer} unavailable: {error:#}"));
                Ok(kept)
            }
            (Err(error), _) => Err(error),
        }
    }
}

impl PeerResponse for Tracked {
    fn version(&self) -> u64 {
        self.delivery.status.version()
    }
}
