//! `OrderCancelled`: releases the order's reservation.

use contracts::events::{OrderCancelled, Received, Subscription, group};

use crate::service::InventoryService;

const GROUP: &str = group::<OrderCancelled>("inventory");

pub fn order_cancelled(service: InventoryService) -> Subscription {
    Subscription::new(GROUP, move |cause, cancelled: Received<OrderCancelled>| {
        let service = service.clone();
        async move { Ok(service.order_cancelled(cause, cancelled.subject.order).await?) }
    })
}
