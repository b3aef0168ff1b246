//! Encodes, for the outbox, the events that the model's transitions return.

use contracts::events::{AssemblyFailed, ShipAssembled};

use crate::model::Event;

impl From<&Event> for outbox::Event {
    fn from(event: &Event) -> Self {
        match event {
            Event::Assembled { order, user, build_time_sec } => contracts::events::record(
                order.uuid(),
                ShipAssembled {
                    order_uuid: order.to_string(),
                    user_uuid: user.to_string(),
                    build_time_sec: *build_time_sec,
                    ..ShipAssembled::default()
                },
            ),
            Event::Failed { order, user, reason } => contracts::events::record(
                order.uuid(),
                AssemblyFailed {
                    order_uuid: order.to_string(),
                    user_uuid: user.to_string(),
                    reason: (*reason).to_owned(),
                    ..AssemblyFailed::default()
                },
            ),
        }
    }
}
