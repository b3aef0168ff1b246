//! The stores of payments, with the inbox and outbox rows of their changes, and of direct payments.

mod memory;
mod postgres;

use std::time::Duration;

use async_trait::async_trait;
use contracts::ids::{EventId, OrderId, TransactionId};
pub use memory::MemoryPayments;
pub use postgres::{MIGRATIONS, PgDirectPayments, PgPayments};

use crate::{
    error::Error,
    model::{DirectPayment, Intent, Outcome, Payment},
};

/// The result of beginning a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// Recorded by this call: the caller calls the provider.
    New(Payment),
    /// This attempt is recorded already, or this other attempt blocks it.
    Existing(Payment),
    /// The order is cancelled: nothing is charged for it.
    Cancelled,
}

/// The event that causes a change. The inbox records it in the same statement; a redelivered event changes nothing.
#[derive(Clone, Copy, Debug)]
pub struct Cause {
    pub consumer: &'static str,
    pub event: EventId,
}

/// The numbers of payments that are not final.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unfinished {
    /// Charges with an unknown outcome.
    pub pending: i64,
    pub refunding: i64,
}

/// The lease of an unfinished payment: 2 s, doubled with each try up to 10 s, so that a slow provider gets more time.
const FIRST_LEASE: Duration = Duration::from_secs(2);
const LONGEST_LEASE: Duration = Duration::from_secs(10);

fn lease(tries: u32) -> Duration {
    FIRST_LEASE.saturating_mul(1 << tries.min(10)).min(LONGEST_LEASE)
}

#[async_trait]
pub trait Payments: Send + Sync {
    /// Records the intent to charge, unless its attempt is recorded already or the order admits no attempt.
    async fn begin(&self, intent: &Intent) -> Result<Begun, Error>;
    /// Records an attempt as declined without calling the provider, and its event, unless it is recorded already. Returns all payments of
    /// the order.
    async fn void_attempt(&self, intent: &Intent) -> Result<Vec<Payment>, Error>;
    /// Records the outcome of a charge and its event; the first outcome wins. Returns the payment with it.
    async fn settle(&self, intent: &Intent, outcome: &Outcome) -> Result<Payment, Error>;
    /// Records that a refund is made.
    async fn refunded(&self, transaction: TransactionId) -> Result<(), Error>;
    /// Closes the order for charges, and marks its charge for refund. True when that changed anything.
    async fn cancel(&self, order: OrderId, cause: Option<Cause>) -> Result<bool, Error>;
    /// Returns true once the order is cancelled, charged or not.
    async fn is_cancelled(&self, order: OrderId) -> Result<bool, Error>;
    /// Takes at most `limit` due payments that are unfinished, those with the fewest tries first. Each is leased to the caller for the
    /// returned time, and due again afterwards.
    async fn due(&self, limit: i64) -> Result<Vec<(Payment, Duration)>, Error>;
    async fn unfinished(&self) -> Result<Unfinished, Error>;
    /// Finds the order's attempt that was not declined, else the latest one.
    async fn find(&self, order: OrderId) -> Result<Option<Payment>, Error>;
}

#[async_trait]
pub trait DirectPayments: Send + Sync {
    /// Records a direct payment, once per order and user. Returns the transaction of the first.
    async fn record(&self, direct: &DirectPayment) -> Result<TransactionId, Error>;
}
