//! Encodes the model's events for the outbox. It defines no events: the model's transitions return them.

use contracts::events::{OrderCancelled, OrderCreated, OrderPaid};

use crate::model::{CancelReason, Event};

impl From<&Event> for outbox::Event {
    fn from(event: &Event) -> Self {
        match event {
            Event::Created { order, user, parts, total_price } => contracts::events::record(
                order.uuid(),
                OrderCreated {
                    order_uuid: order.to_string(),
                    user_uuid: user.to_string(),
                    part_uuids: parts.iter().map(ToString::to_string).collect(),
                    total_price_minor: total_price.minor(),
                    ..OrderCreated::default()
                },
            ),
            Event::Paid { order, user, method, transaction, deliver } => contracts::events::record(
                order.uuid(),
                OrderPaid {
                    order_uuid: order.to_string(),
                    user_uuid: user.to_string(),
                    payment_method: method.as_str().to_owned(),
                    transaction_uuid: transaction.to_string(),
                    deliver: *deliver,
                    ..OrderPaid::default()
                },
            ),
            Event::Cancelled { order, user, reason, paid } => contracts::events::record(
                order.uuid(),
                OrderCancelled {
                    order_uuid: order.to_string(),
                    user_uuid: user.to_string(),
                    reason: encode(*reason).into(),
                    paid: *paid,
                    ..OrderCancelled::default()
                },
            ),
        }
    }
}

fn encode(reason: CancelReason) -> contracts::events::CancelReason {
    match reason {
        CancelReason::ByUser => contracts::events::CancelReason::ByUser,
        CancelReason::PaymentDeadline => contracts::events::CancelReason::PaymentDeadline,
        CancelReason::AssemblyFailed => contracts::events::CancelReason::AssemblyFailed,
        CancelReason::OutOfStock => contracts::events::CancelReason::OutOfStock,
    }
}
