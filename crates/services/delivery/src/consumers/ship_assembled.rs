//! `ShipAssembled`: makes the order wait for a courier.

use contracts::events::{Received, ShipAssembled, Subscription, group};

use crate::service::DeliveryService;

const GROUP: &str = group::<ShipAssembled>("delivery");

pub fn ship_assembled(service: DeliveryService) -> Subscription {
    Subscription::new(GROUP, move |cause, assembled: Received<ShipAssembled>| {
        let service = service.clone();
        async move { Ok(service.ship_assembled(cause, assembled.subject.order).await?) }
    })
}
