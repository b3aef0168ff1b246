//! `ShipAssembled`: the order's parts have left the stock.

use contracts::events::{Received, ShipAssembled, Subscription};

use crate::service::{GROUP_ASSEMBLED, InventoryService};

pub fn ship_assembled(service: InventoryService) -> Subscription {
    Subscription::new(GROUP_ASSEMBLED, move |assembled: Received<ShipAssembled>| {
        let service = service.clone();
        async move { Ok(service.order_assembled(&assembled).await?) }
    })
}
