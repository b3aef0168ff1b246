//! `ShipAssembled`: completes the order, because its ship is built.

use contracts::events::{Received, ShipAssembled, Subscription, group};

use crate::service::OrderService;

const GROUP: &str = group::<ShipAssembled>("order");

pub fn ship_assembled(service: OrderService) -> Subscription {
    Subscription::new(GROUP, move |cause, assembled: Received<ShipAssembled>| {
        let service = service.clone();
        async move { Ok(service.complete(cause, assembled.subject.order).await?) }
    })
}
