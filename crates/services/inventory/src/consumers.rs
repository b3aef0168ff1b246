//! Kafka consumers, one per event type.

use contracts::events::{OrderCancelled, Received, ShipAssembled, Subscription, group};

use crate::service::InventoryService;

pub fn all(service: &InventoryService) -> [Subscription; 2] {
    [order_cancelled(service.clone()), ship_assembled(service.clone())]
}

const ORDER_CANCELLED: &str = group::<OrderCancelled>("inventory");

pub fn order_cancelled(service: InventoryService) -> Subscription {
    Subscription::new(ORDER_CANCELLED, move |cause, cancelled: Received<OrderCancelled>| {
        let service = service.clone();
        async move { Ok(service.order_cancelled(cause, cancelled.subject.order).await?) }
    })
}

const SHIP_ASSEMBLED: &str = group::<ShipAssembled>("inventory");

pub fn ship_assembled(service: InventoryService) -> Subscription {
    Subscription::new(SHIP_ASSEMBLED, move |cause, assembled: Received<ShipAssembled>| {
        let service = service.clone();
        async move { Ok(service.ship_assembled(cause, assembled.subject.order).await?) }
    })
}
