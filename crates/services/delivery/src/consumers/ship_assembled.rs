//! `ShipAssembled`: from this event on, the order waits for a courier.

use contracts::events::{Received, ShipAssembled, Subscription};

use crate::service::{DeliveryService, GROUP_ASSEMBLED};

pub fn ship_assembled(service: DeliveryService) -> Subscription {
    Subscription::new(GROUP_ASSEMBLED, move |assembled: Received<ShipAssembled>| {
        let service = service.clone();
        async move { Ok(service.ship_assembled(assembled.id, assembled.subject.order).await?) }
    })
}
