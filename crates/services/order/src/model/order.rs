//! The order aggregate.

use chrono::{DateTime, Utc};
use contracts::{
    ids::{OrderId, PartId, TransactionId, UserId},
    money::Money,
};
use serde::{Deserialize, Serialize};

use super::{Attempt, Delivery, DeliveryAddress, PaymentMethod};

pub const MAX_PARTS: usize = 1000;

/// ```text
/// PendingPayment ──pay──▶ Paid ──assemble──▶ Assembled
///       │                  └──compensate──▶ Cancelled
///       └──cancel, compensate_attempt──▶ Cancelled
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    PendingPayment,
    Paid,
    Cancelled,
    Assembled,
}

impl Status {
    pub const ALL: [Self; 4] = [Self::PendingPayment, Self::Paid, Self::Cancelled, Self::Assembled];

    /// Returns the status' name in the API and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PendingPayment => "PENDING_PAYMENT",
            Self::Paid => "PAID",
            Self::Cancelled => "CANCELLED",
            Self::Assembled => "ASSEMBLED",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelReason {
    ByUser,
    PaymentDeadline,
    AssemblyFailed,
    OutOfStock,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOrder {
    pub uuid: OrderId,
    pub user: UserId,
    /// The ordered parts, each as often as the order has units of it.
    pub parts: Vec<PartId>,
    /// `None` for an order that is not delivered.
    pub delivery_address: Option<DeliveryAddress>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Order {
    pub uuid: OrderId,
    pub user: UserId,
    /// `None` for an order that is not delivered.
    pub delivery_address: Option<DeliveryAddress>,
    /// The last state that the delivery service reported, or `None` before the first report.
    pub delivery: Option<Delivery>,
    pub parts: Vec<PartId>,
    pub total_price: Money,
    pub status: Status,
    /// The number of the last attempt to pay, or 0 before the first.
    pub attempts: i32,
    /// The attempt whose outcome is not known yet, if there is one.
    pub attempt: Option<Attempt>,
    /// The method and the transaction of the charge, or `None` if the order was not charged.
    pub payment: Option<(PaymentMethod, TransactionId)>,
    pub created_at: DateTime<Utc>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Created { order: OrderId, user: UserId, parts: Vec<PartId>, total_price: Money },
    Paid { order: OrderId, user: UserId, method: PaymentMethod, transaction: TransactionId, deliver: bool },
    Cancelled { order: OrderId, user: UserId, reason: CancelReason, paid: bool },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IllegalTransition {
    #[error("the order is {}", .0.as_str())]
    Status(Status),
    #[error("a payment is in progress")]
    PaymentInProgress,
    #[error("no such attempt to pay is in progress")]
    NoAttempt,
}

impl NewOrder {
    /// Returns a new order that is not delivered.
    pub fn new(uuid: OrderId, user: UserId, parts: Vec<PartId>) -> Self {
        Self { uuid, user, parts, delivery_address: None }
    }

    /// The quantity of each part, in the order of first appearance.
    pub fn quantities(&self) -> Vec<(PartId, i64)> {
        quantities(&self.parts)
    }

    pub fn create(&self, total_price: Money) -> Event {
        Event::Created { order: self.uuid, user: self.user, parts: self.parts.clone(), total_price }
    }

    /// Returns the order in its initial state.
    pub fn created(&self, total_price: Money, created_at: DateTime<Utc>) -> Order {
        Order {
            uuid: self.uuid,
            user: self.user,
            delivery_address: self.delivery_address.clone(),
            delivery: None,
            parts: self.parts.clone(),
            total_price,
            status: Status::PendingPayment,
            attempts: 0,
            attempt: None,
            payment: None,
            created_at,
        }
    }
}

impl Order {
    /// The quantity of each part, in the order of first appearance.
    pub fn quantities(&self) -> Vec<(PartId, i64)> {
        quantities(&self.parts)
    }

    /// Returns true until the order is cancelled, or its ship is assembled and, if the order has an address, the
    /// delivery has ended. A cancelled order is not open while its refund is in progress, which only payment knows.
    pub fn is_open(&self) -> bool {
        match self.status {
            Status::PendingPayment | Status::Paid => true,
            Status::Assembled => {
                self.delivery_address.is_some() && !self.delivery.as_ref().is_some_and(|known| known.status.is_final())
            }
            Status::Cancelled => false,
        }
    }

    /// Returns true if no money has been taken for the order.
    pub const fn was_never_paid(&self) -> bool {
        matches!(self.status, Status::PendingPayment | Status::Cancelled) && self.payment.is_none()
    }

    /// Begins the next attempt to pay. Fails if the order [may not be paid](Self::check).
    pub fn begin_attempt(&mut self, method: PaymentMethod) -> Result<Attempt, IllegalTransition> {
        self.check(Action::Pay)?;
        self.attempts += 1;
        let attempt = Attempt { number: self.attempts, method };
        self.attempt = Some(attempt);
        Ok(attempt)
    }

    /// Ends the attempt as charged, which makes the order paid.
    pub fn pay(&mut self, number: i32, transaction: TransactionId) -> Result<Event, IllegalTransition> {
        let attempt = self.end_attempt(number)?;
        self.status = Status::Paid;
        self.payment = Some((attempt.method, transaction));
        let deliver = self.delivery_address.is_some();
        Ok(Event::Paid { order: self.uuid, user: self.user, method: attempt.method, transaction, deliver })
    }

    /// Ends the attempt without a charge. The order stays unpaid.
    pub fn end_attempt(&mut self, number: i32) -> Result<Attempt, IllegalTransition> {
        if self.status != Status::PendingPayment {
            return Err(IllegalTransition::Status(self.status));
        }
        self.attempt.take_if(|attempt| attempt.number == number).ok_or(IllegalTransition::NoAttempt)
    }

    /// Cancels an unpaid order. Fails if the order [may not be cancelled](Self::check).
    pub fn cancel(&mut self, reason: CancelReason) -> Result<Event, IllegalTransition> {
        self.check(Action::Cancel)?;
        self.status = Status::Cancelled;
        Ok(Event::Cancelled { order: self.uuid, user: self.user, reason, paid: false })
    }

    /// Ends the attempt as charged and cancels the order, because its parts are no longer available. The payment
    /// service refunds the charge when it receives the event.
    pub fn compensate_attempt(&mut self, number: i32, transaction: TransactionId) -> Result<Event, IllegalTransition> {
        self.pay(number, transaction)?;
        self.status = Status::Cancelled;
        Ok(Event::Cancelled { order: self.uuid, user: self.user, reason: CancelReason::OutOfStock, paid: true })
    }

    /// Cancels a paid order whose ship cannot be built.
    pub fn compensate(&mut self) -> Result<Event, IllegalTransition> {
        if self.status != Status::Paid {
            return Err(IllegalTransition::Status(self.status));
        }
        self.status = Status::Cancelled;
        Ok(Event::assembly_failed(self.uuid, self.user))
    }

    pub fn assemble(&mut self) -> Result<(), IllegalTransition> {
        if self.status != Status::Paid {
            return Err(IllegalTransition::Status(self.status));
        }
        self.status = Status::Assembled;
        Ok(())
    }

    /// Stores the state that the delivery service reported, unless the order has a later one. Returns true if the state
    /// was stored.
    pub fn store_delivery(&mut self, reported: &Delivery) -> bool {
        let is_news = reported.status.follows(self.delivery.as_ref().map(|known| known.status));
        if is_news {
            self.delivery = Some(reported.clone());
        }
        is_news
    }
}

impl Event {
    /// Returns the event of a paid order that is cancelled because its ship cannot be built.
    pub fn assembly_failed(order: OrderId, user: UserId) -> Self {
        Self::Cancelled { order, user, reason: CancelReason::AssemblyFailed, paid: true }
    }

    /// Returns the event of an unpaid order that is cancelled because its payment deadline has passed.
    pub fn deadline_passed(order: OrderId, user: UserId) -> Self {
        Self::Cancelled { order, user, reason: CancelReason::PaymentDeadline, paid: false }
    }
}

fn quantities(parts: &[PartId]) -> Vec<(PartId, i64)> {
    let mut quantities: Vec<(PartId, i64)> = Vec::new();
    for part in parts {
        match quantities.iter_mut().find(|(known, _)| known == part) {
            Some((_, quantity)) => *quantity += 1,
            None => quantities.push((*part, 1)),
        }
    }
    quantities
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Action {
    Pay,
    Cancel,
}

impl Action {
    pub const ALL: &[Self] = &[Self::Pay, Self::Cancel];
}

impl Order {
    /// Fails if the order's state does not allow the action.
    pub fn check(&self, action: Action) -> Result<(), IllegalTransition> {
        match (action, self.status, self.attempt) {
            (Action::Pay | Action::Cancel, Status::PendingPayment, None) => Ok(()),
            // The attempt may still charge the order.
            (_, Status::PendingPayment, Some(_)) => Err(IllegalTransition::PaymentInProgress),
            (_, status, _) => Err(IllegalTransition::Status(status)),
        }
    }

    pub fn allowed_actions(&self) -> Vec<Action> {
        Action::ALL.iter().copied().filter(|action| self.check(*action).is_ok()).collect()
    }
}
