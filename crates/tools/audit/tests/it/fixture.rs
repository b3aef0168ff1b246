//! The orders of the shop under test, and access to its rows.

use std::time::Duration;

use audit::{
    Facts,
    facts::{Build, DeadLetter, Delivery, Discarded, Inbox, Log, Order, PartialRefund, Payment, Reservation},
};
use chrono::{DateTime, Days, Utc};
use uuid::Uuid;

/// An order that is not paid yet.
pub const OPEN: Uuid = Uuid::from_u128(1);
/// An order that was paid, built, and delivered to its address.
pub const BUILT: Uuid = Uuid::from_u128(2);
/// An order that was cancelled before it was paid.
pub const LEFT: Uuid = Uuid::from_u128(3);
/// An order that was paid, could not be built, and was refunded.
pub const REFUNDED: Uuid = Uuid::from_u128(4);
/// The courier, which is free again.
pub const COURIER: Uuid = Uuid::from_u128(70);
/// The courier's storage place.
pub const PLACE: Uuid = Uuid::from_u128(71);
/// The part that every order consists of.
pub const PART: Uuid = Uuid::from_u128(50);

pub const PRICE: i64 = 12_500;
/// The user who pays all orders, from one balance.
pub const USER: Uuid = Uuid::from_u128(60);
/// A customer who was verified, got a loan, and was rejected afterwards.
pub const CUSTOMER: Uuid = Uuid::from_u128(61);
pub const LOAN: &str = "loan";
pub const LENT: i64 = 650_000;
pub const INITIAL: i64 = 100_000;
/// The id of [`partial_refund`].
pub const REFUND: Uuid = Uuid::from_u128(300);

pub fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + Days::new(20_000)
}

/// Returns the time of all events in the shop.
pub fn then() -> DateTime<Utc> {
    now() - Duration::from_mins(5)
}

pub fn transaction(order: Uuid) -> Uuid {
    Uuid::new_v5(&order, b"transaction")
}

pub fn event(order: Uuid, kind: &str) -> Uuid {
    Uuid::new_v5(&order, kind.as_bytes())
}

/// Returns the dead letter of a consumer of `OrderPaid`. Without an event, it is poison.
pub fn letter(group: &str, event: Option<Uuid>) -> DeadLetter {
    DeadLetter {
        id: "order.paid.dlq/0/0".to_owned(),
        given_up_at: then(),
        topic: "order.paid".to_owned(),
        partition: 3,
        offset: 9,
        is_current: true,
        group: group.to_owned(),
        event,
        error: "not a protobuf message".to_owned(),
    }
}

/// Returns the decision of the operator `ann` to discard the [`letter`] of this event.
pub fn discarded(group: &str, order: Uuid, event: impl Into<Option<Uuid>>) -> Discarded {
    Discarded {
        letter: "order.paid.dlq/0/0".to_owned(),
        given_up_at: then(),
        group: group.to_owned(),
        event: event.into(),
        order: Some(order),
        who: "ann".to_owned(),
        why: "built by hand".to_owned(),
        at: then(),
    }
}

/// Returns a partial refund of the order's charge that was made.
pub fn partial_refund(order: Uuid, amount: i64) -> PartialRefund {
    PartialRefund {
        refund: REFUND,
        transaction: transaction(order),
        amount,
        is_signed: true,
        is_made: true,
        is_accepted: false,
        created_at: then(),
        requested_at: None,
    }
}

pub fn inbox<'a>(facts: &'a mut Facts, group: &str) -> &'a mut Inbox {
    facts.inboxes.iter_mut().find(|inbox| inbox.consumer == group).expect("the shop has it")
}

pub fn log<'a>(facts: &'a mut Facts, kind: &str) -> &'a mut Log {
    facts.logs.iter_mut().find(|log| log.kind == kind).expect("the shop has it")
}

pub fn the<T>(rows: &mut [T], like: impl Fn(&T) -> bool) -> &mut T {
    rows.iter_mut().find(|row| like(row)).expect("the shop has it")
}

/// The only row of an order.
pub trait RowOf {
    fn order(&mut self, uuid: Uuid) -> &mut Order;
    fn payment(&mut self, order: Uuid) -> &mut Payment;
    fn reservation(&mut self, order: Uuid) -> &mut Reservation;
    fn build(&mut self, order: Uuid) -> &mut Build;
    fn delivery(&mut self, order: Uuid) -> &mut Delivery;
}

impl RowOf for Facts {
    fn order(&mut self, uuid: Uuid) -> &mut Order {
        the(&mut self.orders, |order| order.uuid == uuid)
    }

    fn payment(&mut self, order: Uuid) -> &mut Payment {
        the(&mut self.payments, |payment| payment.order == order)
    }

    fn reservation(&mut self, order: Uuid) -> &mut Reservation {
        the(&mut self.reservations, |one| one.order == order)
    }

    fn build(&mut self, order: Uuid) -> &mut Build {
        the(&mut self.builds, |build| build.order == order)
    }

    fn delivery(&mut self, order: Uuid) -> &mut Delivery {
        the(&mut self.deliveries, |delivery| delivery.order == order)
    }
}
