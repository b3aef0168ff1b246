//! Where payments are kept.

mod memory;
mod postgres;
mod row;

use std::time::Duration;

use async_trait::async_trait;
pub use memory::MemoryPayments;
pub use postgres::{MIGRATIONS, PgPayments};
use uuid::Uuid;

use crate::{
    error::Error,
    model::{Direct, Intent, Outcome, Payment},
};

/// What became of the wish to charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It is recorded now: whoever recorded it asks the provider.
    New(Payment),
    /// This attempt is recorded already, or another one has the order's place.
    Standing(Payment),
    /// The order is cancelled: nothing is charged for it.
    Cancelled,
}

/// How many payments are not done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unfinished {
    /// Charges whose outcome is not known.
    pub pending: i64,
    pub refunding: i64,
}

/// The time for which an unfinished payment is handed out that was tried so often before: 2 s, doubled up to the longest. A provider that
/// answers later than that is asked for longer the next time.
const FIRST_TIME: Duration = Duration::from_secs(2);
const LONGEST_TIME: Duration = Duration::from_secs(10);

fn time_to_finish(tries: u32) -> Duration {
    FIRST_TIME.saturating_mul(1 << tries.min(10)).min(LONGEST_TIME)
}

#[async_trait]
pub trait Payments: Send + Sync {
    /// Records the intent to charge, unless its attempt is known or the order's place is taken.
    async fn begin(&self, intent: &Intent) -> Result<Begun, Error>;
    /// Records an attempt as declined without anybody being asked, unless it is recorded already. Answers every payment of the order.
    async fn void_attempt(&self, intent: &Intent) -> Result<Vec<Payment>, Error>;
    /// Records what came of a charge, once. Answers the payment as it is then: its first outcome stands.
    async fn settle(&self, transaction: Uuid, outcome: &Outcome) -> Result<Payment, Error>;
    /// Records that a refund is done.
    async fn refunded(&self, transaction: Uuid) -> Result<(), Error>;
    /// Takes the order's place for ever and marks what it was charged for refund; once per event where there is one, given as the
    /// consumer's name and the event. True when that changed anything.
    async fn cancel(&self, order: Uuid, event: Option<(&'static str, Uuid)>) -> Result<bool, Error>;
    /// True once the order is cancelled, whether anything was charged for it or not.
    async fn is_cancelled(&self, order: Uuid) -> Result<bool, Error>;
    /// The unfinished payments that are due for another try, those that were tried least often first, at most `limit`. Each is handed out to
    /// one caller for a time that grows with its tries, and then again.
    async fn due(&self, limit: i64) -> Result<Vec<(Payment, Duration)>, Error>;
    async fn unfinished(&self) -> Result<Unfinished, Error>;
    /// The attempt that was not declined, else the latest.
    async fn find(&self, order: Uuid) -> Result<Option<Payment>, Error>;
    /// Records a payment that a user makes himself, once per order and user. Answers its transaction.
    async fn record_direct(&self, direct: &Direct) -> Result<Uuid, Error>;
}
