//! The repository of attempts to pay, which end by a request, by the reconciler, or by an event of the payment service.

use std::time::Duration;

use async_trait::async_trait;
use contracts::{
    events::Cause,
    ids::{OrderId, TransactionId, UserId},
};

use crate::{
    error::{Error, OrderRefusal},
    model::{AttemptEnd, AttemptLease, Claim, Event, Order, PaymentMethod, RequestOutcome},
};

/// An attempt counts as long unsettled once the reconciler has taken it this many times. It is then at least 30 s
/// old if each try fails at once, and at least 75 s if each try takes its time limit.
pub const LONG_UNSETTLED_TRIES: u32 = 6;

/// How an attempt ends, with the event to publish if the order's status changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// The order was charged and is paid.
    Paid { transaction: TransactionId, event: Event },
    /// The order was not charged, for this reason. The user may pay it with another attempt.
    Declined(OrderRefusal),
    /// The payment service has executed no request. The user may pay the order with another attempt.
    Abandoned,
    /// The order was not charged and is cancelled.
    Cancelled { event: Event },
    /// The order was charged and is cancelled. The payment service refunds the charge when it receives the event.
    Compensated { transaction: TransactionId, event: Event },
}

impl Settlement {
    pub const fn end(&self) -> AttemptEnd {
        match self {
            Self::Paid { .. } => AttemptEnd::Paid,
            Self::Declined(_) => AttemptEnd::Declined,
            Self::Abandoned => AttemptEnd::Abandoned,
            Self::Cancelled { .. } => AttemptEnd::Cancelled,
            Self::Compensated { .. } => AttemptEnd::Compensated,
        }
    }
}

/// One statement writes a change together with its event and the idempotency key's outcome.
#[async_trait]
pub trait Attempts: Send + Sync {
    /// Begins the next attempt of an unpaid order without an attempt in progress, and writes the attempt's number to
    /// the idempotency key. If the attempt is not settled within `lease_ttl`, [`unsettled`](Self::unsettled) hands it
    /// to the reconciler.
    ///
    /// Returns the order before the change and, if the attempt has begun, its lease, which is not shared. If `claim`
    /// has lost its key, the call changes nothing and fails with [`Error::KeyInProgress`].
    async fn begin(
        &self,
        user: UserId,
        order: OrderId,
        method: PaymentMethod,
        lease_ttl: Duration,
        claim: Option<&Claim>,
    ) -> Result<Option<(Order, Option<AttemptLease>)>, Error>;
    /// Takes over an attempt of the user's order. The attempt is due again after `lease_ttl`. Returns `None` if the
    /// attempt has ended.
    async fn take(
        &self,
        user: UserId,
        order: OrderId,
        attempt: i32,
        lease_ttl: Duration,
    ) -> Result<Option<AttemptLease>, Error>;
    /// Ends an attempt and writes `outcome` to the idempotency key of the request that began it. Returns false if the
    /// attempt has ended already, or if this lease [may not](crate::model::AttemptEnd::is_open_to) end it in this way.
    async fn settle(
        &self,
        order: OrderId,
        lease: &AttemptLease,
        settlement: &Settlement,
        outcome: Option<&RequestOutcome>,
    ) -> Result<bool, Error>;
    /// Makes an attempt due after `backoff`, unless another process has taken it over.
    async fn postpone(&self, order: OrderId, lease: &AttemptLease, backoff: Duration) -> Result<(), Error>;
    /// Takes over at most `limit` attempts that are due, those that were taken least often first. Each is due again
    /// after `lease_ttl`.
    async fn unsettled(&self, limit: i64, lease_ttl: Duration) -> Result<Vec<(Order, AttemptLease)>, Error>;
    /// Counts at most `limit` attempts in progress that the reconciler has taken at least [`LONG_UNSETTLED_TRIES`]
    /// times.
    async fn long_unsettled(&self, limit: i64) -> Result<i64, Error>;
    /// Ends an attempt as paid or declined, once per event, in one statement with the inbox row. Writes the outcome to
    /// the idempotency key of the request that began the attempt. Returns false if the attempt is no longer in
    /// progress, or if it is shared and the event must not end a shared attempt.
    async fn settle_once(
        &self,
        cause: Cause,
        order: OrderId,
        attempt: i32,
        reported: &ReportedEnd,
    ) -> Result<bool, Error>;
    /// Writes only the inbox row of an event that changes nothing else.
    async fn skip(&self, cause: Cause) -> Result<(), Error>;
}

/// The end of an attempt that an event of the payment service reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedEnd {
    /// Either [`Settlement::Paid`] or [`Settlement::Declined`].
    pub settlement: Settlement,
    pub outcome: RequestOutcome,
    /// True if the event may also end an attempt that another process has taken over.
    pub also_shared: bool,
}
