//! Where orders are kept.

mod memory;
mod postgres;

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use contracts::money::Money;
pub use memory::MemoryOrders;
pub use postgres::{MIGRATIONS, PgOrders};
use uuid::Uuid;

use crate::{
    error::Error,
    model::{AttemptLease, Claim, Claimed, Ending, Event, NewOrder, Order, Outcome, PaymentMethod},
};

/// A place in a user's list of orders: the last one that has been shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub created_at: DateTime<Utc>,
    pub order: Uuid,
}

/// How an attempt to pay has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// Charged; with the event of it.
    Paid { transaction: Uuid, event: Event },
    /// Definitely not charged, and the order may be tried again.
    Declined,
    /// Payment has not been asked by whoever began it; ends only where nobody else may have asked either.
    Abandoned,
    /// Never charged, and the order is given up; with the event of it.
    Cancelled { event: Event },
    /// Charged, and the order is given up; with the event of it, upon which the charge is given back.
    Undone { transaction: Uuid, event: Event },
}

impl Settlement {
    pub const fn ending(&self) -> Ending {
        match self {
            Self::Paid { .. } => Ending::Paid,
            Self::Declined => Ending::Declined,
            Self::Abandoned => Ending::Abandoned,
            Self::Cancelled { .. } => Ending::Cancelled,
            Self::Undone { .. } => Ending::Undone,
        }
    }
}

/// The keepers of orders. Every change is one statement with its events and what the key remembers of it, and is made only where
/// the order is still in the state that it starts from.
#[async_trait]
pub trait Orders: Send + Sync {
    /// Takes the key for `lease`, for a request about `order`. Once another request has taken it over, whatever is asked for under
    /// this claim changes nothing and answers [`Error::KeyInProgress`].
    async fn claim(&self, claim: &Claim, order: Uuid, lease: Duration) -> Result<Claimed, Error>;
    /// Lets the key remember what came of its request, unless it remembers something already. False when the key is another request's.
    async fn complete(&self, claim: &Claim, outcome: &Outcome) -> Result<bool, Error>;
    /// Gives the key back so that the request may be repeated at once, unless it is another request's.
    async fn release(&self, claim: &Claim) -> Result<(), Error>;

    /// Writes an order, its event and the outcome for its key. An order that is there already is left and answered as it is.
    async fn create(
        &self,
        order: &NewOrder,
        total_price: Money,
        pay_within: Duration,
        claim: Option<&Claim>,
    ) -> Result<Order, Error>;
    async fn find(&self, user: Uuid, order: Uuid) -> Result<Option<Order>, Error>;
    /// The user's orders, newest first, those after `after`, at most `limit`.
    async fn page(&self, user: Uuid, after: Option<Cursor>, limit: i64) -> Result<Vec<Order>, Error>;
    /// Cancels an order that waits for its payment and is not being paid. False when it is not in that state any more.
    async fn cancel(&self, order: Uuid, event: &Event, claim: Option<&Claim>) -> Result<bool, Error>;

    /// Begins the next attempt to pay, where the order waits for its payment and none is under way, and notes it with the key.
    /// Unless somebody says how it went within `patience`, it is among the [`unsettled`](Self::unsettled) ones.
    /// The order as it was before, and the attempt if it has begun: no other process has had it.
    async fn begin_attempt(
        &self,
        user: Uuid,
        order: Uuid,
        method: PaymentMethod,
        patience: Duration,
        claim: Option<&Claim>,
    ) -> Result<Option<(Order, Option<AttemptLease>)>, Error>;
    /// Takes over an attempt of the user's order, and is its holder for `pause`. Nothing when it is not under way any more.
    async fn take_attempt(
        &self,
        user: Uuid,
        order: Uuid,
        attempt: i32,
        pause: Duration,
    ) -> Result<Option<AttemptLease>, Error>;
    /// Ends an attempt, and lets the key that began it remember `outcome`. False when it has been ended before, or when the end is not
    /// [open](Ending::is_open_to) to this lease.
    async fn settle(
        &self,
        order: Uuid,
        lease: &AttemptLease,
        settlement: &Settlement,
        outcome: Option<&Outcome>,
    ) -> Result<bool, Error>;
    /// Lets the reconciler take an attempt after `pause`, unless another process has taken it meanwhile.
    async fn postpone(&self, order: Uuid, lease: &AttemptLease, pause: Duration) -> Result<(), Error>;
    /// Takes over attempts that are due, those that were taken least often first, at most `limit`; each is due again after `pause`.
    async fn unsettled(&self, limit: i64, pause: Duration) -> Result<Vec<(Order, AttemptLease)>, Error>;
    /// Orders whose time to pay is over, at most `limit`.
    async fn overdue(&self, limit: i64) -> Result<Vec<Order>, Error>;

    /// The ship of a paid order is built; once per event.
    async fn assemble(&self, consumer: &'static str, event: Uuid, order: Uuid) -> Result<bool, Error>;
    /// A paid order is undone; once per event.
    async fn undo(&self, consumer: &'static str, event: Uuid, order: Uuid, undone: &Event) -> Result<bool, Error>;

    /// Forgets keys older than `age`, at most `limit`.
    async fn remove_idempotency_keys(&self, age: Duration, limit: i64) -> Result<u64, Error>;
}
