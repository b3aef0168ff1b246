//! `OrderPaid`, `ShipAssembled`, `OrderCancelled`: what users are told of.

use std::marker::PhantomData;

use async_trait::async_trait;
use events::{Event, OrderCancelled, OrderPaid, ShipAssembled};
use platform::{
    ids,
    kafka::{Failure, Handler, Message},
};
use serde_json::{Value, json};

use crate::{
    model::{Kind, NewNotification},
    service::{GROUP_ASSEMBLED, GROUP_CANCELLED, GROUP_PAID, NotificationService},
};

/// An event of which users are told.
pub trait Tells: Event + Send + Sync + 'static {
    const GROUP: &'static str;
    const KIND: Kind;

    /// What the template may say.
    fn facts(&self) -> Value;
}

impl Tells for OrderPaid {
    const GROUP: &'static str = GROUP_PAID;
    const KIND: Kind = Kind::OrderPaid;

    fn facts(&self) -> Value {
        json!({ "payment_method": self.payment_method, "transaction_uuid": self.transaction_uuid })
    }
}

impl Tells for ShipAssembled {
    const GROUP: &'static str = GROUP_ASSEMBLED;
    const KIND: Kind = Kind::ShipAssembled;

    fn facts(&self) -> Value {
        json!({ "build_time_sec": self.build_time_sec })
    }
}

impl Tells for OrderCancelled {
    const GROUP: &'static str = GROUP_CANCELLED;
    const KIND: Kind = Kind::OrderCancelled;

    fn facts(&self) -> Value {
        let reason = self.reason().as_str_name().trim_start_matches("CANCEL_REASON_");
        json!({ "reason": reason, "paid": self.paid })
    }
}

/// Queues a notification for each event of the type `E`.
pub struct Happened<E> {
    service: NotificationService,
    event: PhantomData<fn() -> E>,
}

impl<E> Happened<E> {
    pub fn new(service: NotificationService) -> Self {
        Self { service, event: PhantomData }
    }
}

#[async_trait]
impl<E: Tells> Handler for Happened<E> {
    async fn handle(&self, message: &Message) -> Result<(), Failure> {
        let received = events::read::<E>(message)?;
        let new = NewNotification {
            uuid: ids::ordered(),
            order: received.order,
            user: received.user,
            kind: E::KIND,
            facts: received.event.facts(),
        };

        Ok(self.service.queue(E::GROUP, received.uuid, &new).await?)
    }
}

#[cfg(test)]
mod tests {
    use events::CancelReason;

    use super::*;

    #[test]
    fn a_cancellation_has_its_reason_in_short() {
        let reason = CancelReason::PaymentDeadline.into();

        let facts = OrderCancelled { reason, paid: true, ..OrderCancelled::default() }.facts();

        assert_eq!(facts, json!({ "reason": "PAYMENT_DEADLINE", "paid": true }));
    }
}
