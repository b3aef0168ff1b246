//! The stores of payments and of direct payments. A change of a payment writes its inbox and outbox rows in the same statement.

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
    /// This call recorded the payment. The caller must call the provider now.
    New(Payment),
    /// The call recorded nothing because of this payment: it is the same attempt, recorded already, or another attempt that blocks it.
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

/// The numbers of payments whose status is not final.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unfinished {
    /// The number of charges with an unknown outcome.
    pub pending: i64,
    pub refunding: i64,
}

/// The lease of an unfinished payment is 2 s for the first try and doubles with each try up to 10 s, so that a slow provider gets more
/// time.
const FIRST_LEASE: Duration = Duration::from_secs(2);
const LONGEST_LEASE: Duration = Duration::from_secs(10);

fn lease(tries: u32) -> Duration {
    FIRST_LEASE.saturating_mul(1 << tries.min(10)).min(LONGEST_LEASE)
}

#[async_trait]
pub trait Payments: Send + Sync {
    /// Records the intent to charge, unless its attempt is recorded already, another attempt blocks it or the order is cancelled.
    async fn begin(&self, intent: &Intent) -> Result<Begun, Error>;
    /// Records an attempt as declined without a call to the provider, and writes its event. Does nothing if the attempt is recorded
    /// already. Returns all payments of the order.
    async fn void_attempt(&self, intent: &Intent) -> Result<Vec<Payment>, Error>;
    /// Records the outcome of a charge and its event. The first recorded outcome wins. Returns the payment with that outcome.
    async fn settle(&self, intent: &Intent, outcome: &Outcome) -> Result<Payment, Error>;
    /// Records that the provider has refunded the charge.
    async fn refunded(&self, transaction: TransactionId) -> Result<(), Error>;
    /// Closes the order for charges and marks its charge for refund. Returns true if that changed anything.
    async fn cancel(&self, order: OrderId, cause: Option<Cause>) -> Result<bool, Error>;
    /// Returns true if the order is cancelled, whether or not it was charged.
    async fn is_cancelled(&self, order: OrderId) -> Result<bool, Error>;
    /// Takes at most `limit` unfinished payments that are due, those with the fewest tries first. Each is leased to the caller for the
    /// returned duration and is due again afterwards.
    async fn due(&self, limit: i64) -> Result<Vec<(Payment, Duration)>, Error>;
    async fn unfinished(&self) -> Result<Unfinished, Error>;
    /// Returns the order's attempt that was not declined, or else the latest attempt.
    async fn find(&self, order: OrderId) -> Result<Option<Payment>, Error>;
}

#[async_trait]
pub trait DirectPayments: Send + Sync {
    /// Records a direct payment, once per order and user. Returns the transaction of the first call for that order and user.
    async fn record(&self, direct: &DirectPayment) -> Result<TransactionId, Error>;
}
