//! `OrderPaid`, `ShipAssembled`, `OrderCancelled`: what users are told of.

use std::marker::PhantomData;

use async_trait::async_trait;
use events::{CancelReason, Event, OrderCancelled, OrderPaid, ShipAssembled};
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

    /// What the template may say. A value that the contract does not have is poison.
    fn facts(&self) -> Result<Value, Failure>;
}

impl Tells for OrderPaid {
    const GROUP: &'static str = GROUP_PAID;
    const KIND: Kind = Kind::OrderPaid;

    fn facts(&self) -> Result<Value, Failure> {
        let method = self.payment_method.as_str();
        if !["", "CARD", "SBP", "CREDIT_CARD", "INVESTOR_MONEY"].contains(&method) {
            return Err(Failure::poison("payment_method is none that is known"));
        }
        Ok(json!({ "payment_method": method, "transaction_uuid": self.transaction_uuid }))
    }
}

impl Tells for ShipAssembled {
    const GROUP: &'static str = GROUP_ASSEMBLED;
    const KIND: Kind = Kind::ShipAssembled;

    fn facts(&self) -> Result<Value, Failure> {
        Ok(json!({ "build_time_sec": self.build_time_sec }))
    }
}

impl Tells for OrderCancelled {
    const GROUP: &'static str = GROUP_CANCELLED;
    const KIND: Kind = Kind::OrderCancelled;

    fn facts(&self) -> Result<Value, Failure> {
        let reason = CancelReason::try_from(self.reason)
            .map_err(|_| Failure::poison(format!("reason is none that is known: {}", self.reason)))?;
        let reason = reason.as_str_name().trim_start_matches("CANCEL_REASON_");
        Ok(json!({ "reason": reason, "paid": self.paid }))
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
            facts: received.event.facts()?,
        };

        Ok(self.service.queue(E::GROUP, received.uuid, &new).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_contract_does_not_have_is_poison() {
        let paid = OrderPaid { payment_method: "BARTER".to_owned(), ..OrderPaid::default() };
        let cancelled = OrderCancelled { reason: 99, ..OrderCancelled::default() };

        assert!(matches!(paid.facts(), Err(Failure::Poison(_))));
        assert!(matches!(cancelled.facts(), Err(Failure::Poison(_))));
    }

    #[test]
    fn a_cancellation_has_its_reason_in_short() {
        let reason = CancelReason::PaymentDeadline.into();

        let facts = OrderCancelled { reason, paid: true, ..OrderCancelled::default() }.facts().unwrap();

        assert_eq!(facts, json!({ "reason": "PAYMENT_DEADLINE", "paid": true }));
    }
}
