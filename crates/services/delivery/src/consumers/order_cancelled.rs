//! `OrderCancelled`: fails the delivery of a paid order, unless the ship is built and a courier may have it already.

use contracts::events::{OrderCancelled, Received, Subscription};

use crate::service::{DeliveryService, GROUP_CANCELLED};

pub fn order_cancelled(service: DeliveryService) -> Subscription {
    Subscription::new(GROUP_CANCELLED, move |cancelled: Received<OrderCancelled>| {
        let service = service.clone();
        async move {
            if !cancelled.event.paid {
                return Ok(service.unpaid_order_cancelled(cancelled.id).await?);
            }
            Ok(service.order_cancelled(cancelled.id, cancelled.subject.order).await?)
        }
    })
}
