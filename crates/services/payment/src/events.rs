//! Encodes the model's events for the outbox. It defines no events: the model's transitions return them.

use contracts::events::PaymentCompleted;

use crate::model::Event;

impl From<&Event> for outbox::Event {
    fn from(event: &Event) -> Self {
        match event {
            Event::Completed { intent, completion } => contracts::events::record(
                intent.order.uuid(),
                PaymentCompleted {
                    order_uuid: intent.order.to_string(),
                    user_uuid: intent.user.to_string(),
                    transaction_uuid: intent.transaction.to_string(),
                    amount_minor: intent.amount.minor(),
                    status: completion.as_str().to_owned(),
                    attempt: intent.attempt,
                    ..PaymentCompleted::default()
                },
            ),
        }
    }
}
