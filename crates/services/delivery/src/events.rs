//! Encodes, for the outbox, the events that the model's transitions return.

use contracts::events::{DeliveryStatusUpdated, OrderCompletedIntegrationEvent, OrderCreatedIntegrationEvent, record};
use platform::outbox;

use crate::model::Event;

impl From<&Event> for outbox::Event {
    fn from(event: &Event) -> Self {
        let key = event.order().uuid();
        match event {
            Event::StatusUpdated { order, user, delivery, status, tracking_number, estimated } => record(
                key,
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
            Event::Created { order } => record(key, OrderCreatedIntegrationEvent { order_id: order.to_string() }),
            Event::Completed { order, courier } => record(
                key,
                OrderCompletedIntegrationEvent { order_id: order.to_string(), courier_id: courier.to_string() },
            ),
        }
    }
}
