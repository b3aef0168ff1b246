//! `ShipAssembled`: commits the order's reservation.

use contracts::events::{Received, ShipAssembled, Subscription, group};

use crate::service::InventoryService;

const GROUP: &str = group::<ShipAssembled>("inventory");

pub fn ship_assembled(service: InventoryService) -> Subscription {
    Subscription::new(GROUP, move |cause, assembled: Received<ShipAssembled>| {
        let service = service.clone();
        async move { Ok(service.ship_assembled(cause, assembled.subject.order).await?) }
    })
}
