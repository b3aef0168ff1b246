//! `ShipAssembled`: completes the order, because its ship is built.

use contracts::events::{Received, ShipAssembled, Subscription};

use crate::service::{GROUP_ASSEMBLED, OrderService};

pub fn ship_assembled(service: OrderService) -> Subscription {
    Subscription::new(GROUP_ASSEMBLED, move |assembled: Received<ShipAssembled>| {
        let service = service.clone();
        async move { Ok(service.complete(assembled.id, assembled.subject.order).await?) }
    })
}
