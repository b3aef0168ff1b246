//! `ShipAssembled`: commits the order's reservation.

use contracts::events::{Received, ShipAssembled, Subscription};

use crate::service::{GROUP_ASSEMBLED, InventoryService};

pub fn ship_assembled(service: InventoryService) -> Subscription {
    Subscription::new(GROUP_ASSEMBLED, move |assembled: Received<ShipAssembled>| {
        let service = service.clone();
        async move { Ok(service.ship_assembled(assembled.id, assembled.subject.order).await?) }
    })
}
