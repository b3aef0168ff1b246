//! The consumed events.

use contracts::events::{OrderCancelled, Received, ShipAssembled, Subscription, group};

use crate::service::InventoryService;

pub fn all(service: &InventoryService) -> [Subscription; 2] {
    [order_cancelled(service.clone()), ship_assembled(service.clone())]
}

/// `OrderCancelled`: releases the order's reservation.
pub fn order_cancelled(service: InventoryService) -> Subscription {
    Subscription::new(
        const { group::<OrderCancelled>("inventory") },
        move |cause, cancelled: Received<OrderCancelled>| {
            let service = service.clone();
            async move { Ok(service.order_cancelled(cause, cancelled.subject.order).await?) }
        },
    )
}

/// `ShipAssembled`: commits the order's reservation.
pub fn ship_assembled(service: InventoryService) -> Subscription {
    Subscription::new(
        const { group::<ShipAssembled>("inventory") },
        move |cause, assembled: Received<ShipAssembled>| {
            let service = service.clone();
            async move { Ok(service.ship_assembled(cause, assembled.subject.order).await?) }
        },
    )
}
