//! `OrderCancelled`: releases the order's reservation.

use contracts::events::{OrderCancelled, Received, Subscription};

use crate::service::{GROUP_CANCELLED, InventoryService};

pub fn order_cancelled(service: InventoryService) -> Subscription {
    Subscription::new(GROUP_CANCELLED, move |cancelled: Received<OrderCancelled>| {
        let service = service.clone();
        async move { Ok(service.order_cancelled(cancelled.id, cancelled.subject.order).await?) }
    })
}
