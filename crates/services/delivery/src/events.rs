//! Encodes, for the outbox, the events that the model's transitions return.

use contracts::{
    events::{
        BASKET_PART, DeliveryStatusUpdated, OrderCompletedIntegrationEvent, OrderCreatedIntegrationEvent, Published,
        record,
    },
    ids::OrderId,
};

use crate::model::Event;

impl From<&Event> for outbox::Event {
    fn from(event: &Event) -> Self {
        match event {
            Event::StatusUpdated { order, user, delivery, status, tracking_number, estimated } => record(
                order.uuid(),
                DeliveryStatusUpdated {
                    order_uuid: order.to_string(),
                    user_uuid: user.to_string(),
                    delivery_uuid: delivery.to_string(),
                    status: status.as_str().to_owned(),
                    tracking_number: tracking_number.as_str().to_owned(),
                    estimated_date: estimated.to_string(),
                    ..DeliveryStatusUpdated::default()
                },
            ),
            Event::Created { order, basket } => {
                outside(*order, *basket, |order_id| OrderCreatedIntegrationEvent { order_id })
            }
            Event::Completed { order, basket, courier } => {
                let courier_id = courier.to_string();
                outside(*order, *basket, |order_id| OrderCompletedIntegrationEvent { order_id, courier_id })
            }
        }
    }
}

/// Encodes an event for outside programs. The part of a basket's event id distinguishes it from the event of an order
/// with the same uuid.
fn outside<E: Published>(order: OrderId, basket: Option<OrderId>, event: impl FnOnce(String) -> E) -> outbox::Event {
    let key = basket.unwrap_or(order).uuid();
    let mut event = record(key, event(key.to_string()));
    if basket.is_some() {
        event.uuid = outbox::event_uuid(key, E::TYPE, Some(BASKET_PART));
    }
    event
}
