//! `OrderCancelled`: fails the delivery of a paid order, unless the ship is already built.

use contracts::events::{OrderCancelled, Received, Subscription, group};

use crate::service::DeliveryService;

const GROUP: &str = group::<OrderCancelled>("delivery");

pub fn order_cancelled(service: DeliveryService) -> Subscription {
    Subscription::new(GROUP, move |cause, cancelled: Received<OrderCancelled>| {
        let service = service.clone();
        async move {
            if !cancelled.event.paid {
                // The order was never paid, so no `order.paid` follows.
                return Ok(service.skip(cause).await?);
            }
            Ok(service.order_cancelled(cause, cancelled.subject.order).await?)
        }
    })
}
