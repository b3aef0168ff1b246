//! The repository of attempts to pay.

use std::time::Duration;

use async_trait::async_trait;
use contracts::ids::{OrderId, TransactionId, UserId};

use crate::{
    error::{Error, Refusal},
    model::{AttemptLease, Claim, Ending, Event, Order, Outcome, PaymentMethod},
};

/// How an attempt has ended, with the event of the order's transition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// Charged.
    Paid { transaction: TransactionId, event: Event },
    /// Not charged, for this reason; the order may be tried again.
    Declined(Refusal),
    /// Payment was not asked; the order may be tried again.
    Abandoned,
    /// Not charged, and the order is cancelled.
    Cancelled { event: Event },
    /// Charged, and the order is cancelled: payment refunds the charge upon the event.
    Undone { transaction: TransactionId, event: Event },
}

impl Settlement {
    pub const fn ending(&self) -> Ending {
        match self {
            Self::Paid { .. } => Ending::Paid,
            Self::Declined(_) => Ending::Declined,
            Self::Abandoned => Ending::Abandoned,
            Self::Cancelled { .. } => Ending::Cancelled,
            Self::Undone { .. } => Ending::Undone,
        }
    }
}

/// Each change is one statement together with its event and the idempotency key's outcome.
#[async_trait]
pub trait Attempts: Send + Sync {
    /// Begins the next attempt of an order that is neither paid nor being paid, and writes its number to the idempotency key. Unless the
    /// attempt is settled within `patience`, the reconciler takes it from [`unsettled`](Self::unsettled).
    ///
    /// Returns the order before the change, and the lease if the attempt has begun: then no other process has had the attempt. If `claim`
    /// has lost its key, nothing changes: [`Error::KeyInProgress`].
    async fn begin(
        &self,
        user: UserId,
        order: OrderId,
        method: PaymentMethod,
        patience: Duration,
        claim: Option<&Claim>,
    ) -> Result<Option<(Order, Option<AttemptLease>)>, Error>;
    /// Takes over an attempt of the user's order for `pause`. Returns `None` if the attempt is no longer in progress.
    async fn take(
        &self,
        user: UserId,
        order: OrderId,
        attempt: i32,
        pause: Duration,
    ) -> Result<Option<AttemptLease>, Error>;
    /// Ends an attempt and writes `outcome` to the key that began it. Returns false if the attempt has ended before, or if the end is not
    /// [open](Ending::is_open_to) to this lease.
    async fn settle(
        &self,
        order: OrderId,
        lease: &AttemptLease,
        settlement: &Settlement,
        outcome: Option<&Outcome>,
    ) -> Result<bool, Error>;
    /// Makes an attempt due after `pause`, unless another process has taken it meanwhile.
    async fn postpone(&self, order: OrderId, lease: &AttemptLease, pause: Duration) -> Result<(), Error>;
    /// Takes over up to `limit` attempts that are due, those taken least often first; each is due again after `pause`.
    async fn unsettled(&self, limit: i64, pause: Duration) -> Result<Vec<(Order, AttemptLease)>, Error>;
}
