//! The store of payments. A change of a payment writes its inbox and outbox rows in the same statement.

mod memory;
mod postgres;

use std::time::Duration;

use async_trait::async_trait;
use contracts::{
    events::Cause,
    ids::{OrderId, TransactionId, UserId},
};
use platform::cursor::Cursor;
use uuid::Uuid;

use crate::{
    error::Error,
    model::{ChargeOutcome, Intent, PartialRefund, Payment, RecordedRefund, RefundRequest, RefundState},
};
pub use memory::MemoryPayments;
pub use postgres::{MIGRATIONS, PgPayments};

/// Payments, and the cursor of the next page if there is one.
pub type PaymentPage = (Vec<Payment>, Option<Cursor>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// This call recorded the payment. The caller must call the provider now.
    New(Payment),
    /// The call recorded nothing because of this payment: the same attempt, recorded already, or another attempt that
    /// blocks it.
    Existing(Payment),
    Cancelled,
}

/// The numbers of payments whose status is not final.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unfinished {
    /// The number of charges without an outcome, including those that are in flight.
    pub pending: i64,
    /// The number of pending charges that are older than [`UNKNOWN_AFTER`].
    pub unknown: i64,
    /// The number of pending charges that are older than [`UNDECIDED_AFTER`].
    pub undecided: i64,
    /// The number of refunds that the provider has not accepted.
    pub refunding: i64,
    /// The number of refunds that the provider has accepted but not made.
    pub accepted: i64,
}

impl Unfinished {
    fn add_charge(&mut self, age: Duration) {
        self.pending += 1;
        self.unknown += i64::from(age > UNKNOWN_AFTER);
        self.undecided += i64::from(age > UNDECIDED_AFTER);
    }

    fn add_refund(&mut self, request: &RefundRequest) {
        let accepted = request.reference.is_some();
        self.accepted += i64::from(accepted);
        self.refunding += i64::from(!accepted);
    }
}

/// From this age on, a charge without an outcome counts as unknown. A younger charge is in flight: the request that
/// began it holds its initial lease, or `finish_payments` asks the provider for the first time after that lease.
pub const UNKNOWN_AFTER: Duration = Duration::from_secs(10);

/// From this age on, a charge whose outcome is unknown may need an operator, because the provider has forgotten its key
/// by then.
pub const UNDECIDED_AFTER: Duration = Duration::from_hours(25);

/// The lease of a new payment, as in the default of `payments.next_try_at`. The request that began the payment holds
/// it, so that this request calls the provider first.
const INITIAL_LEASE: Duration = Duration::from_secs(5);

/// The lease of an unfinished payment is 2 s for the first try and doubles with each try up to 10 s, so that a slow
/// provider gets more time.
const FIRST_LEASE: Duration = Duration::from_secs(2);
const MAX_LEASE: Duration = Duration::from_secs(10);

/// Returns the lease of a payment or refund that has had this number of tries.
pub fn lease(tries: u32) -> Duration {
    FIRST_LEASE.saturating_mul(1 << tries.min(10)).min(MAX_LEASE)
}

#[async_trait]
pub trait Payments: Refunds {
    /// Records the intent to charge and counts its first request, unless its attempt is recorded already, another
    /// attempt blocks it or the order is cancelled.
    async fn begin(&self, intent: &Intent) -> Result<Begun, Error>;
    /// Records an attempt as declined without a call to the provider, and writes its event. Does nothing if the attempt
    /// is recorded already. Returns all payments of the order.
    async fn void_attempt(&self, intent: &Intent) -> Result<Vec<Payment>, Error>;
    /// Records the outcome of a charge and its event, unless an outcome is recorded already. Returns the payment with
    /// the recorded outcome, and true if this call recorded it.
    async fn settle(&self, intent: &Intent, outcome: &ChargeOutcome) -> Result<(Payment, bool), Error>;
    /// Counts one more request to charge, before it is sent. Returns false if the attempt is settled: nothing may be
    /// sent then.
    async fn count_request(&self, transaction: TransactionId) -> Result<bool, Error>;
    /// Takes back the count of a request that the provider refused to execute. If no other is counted, this ends the
    /// attempt as declined and writes its event. Returns the payment, and true if this call ended the attempt.
    async fn refuse(&self, intent: &Intent) -> Result<(Payment, bool), Error>;
    /// Returns the time since the attempt was recorded, by the clock of the store.
    async fn age(&self, transaction: TransactionId) -> Result<Duration, Error>;
    /// Records the provider's id of a charge that is pending.
    async fn processing(&self, transaction: TransactionId, reference: &str) -> Result<(), Error>;
    /// Closes the order for charges and marks its charge for refund. Returns false if nothing changed.
    async fn cancel(&self, order: OrderId, cause: Option<Cause>) -> Result<bool, Error>;
    /// Returns true if the order is cancelled, whether or not it was charged.
    async fn is_cancelled(&self, order: OrderId) -> Result<bool, Error>;
    /// Takes at most `limit` unfinished payments that are due, those with the fewest tries first, and returns each with
    /// the number of its earlier tries. Each has the [`lease`] of that number and is due again afterwards.
    async fn due(&self, limit: i64) -> Result<Vec<(Payment, u32)>, Error>;
    /// Counts at most `limit` unfinished payments.
    async fn unfinished(&self, limit: i64) -> Result<Unfinished, Error>;
    /// Makes an unfinished payment due now, or when its initial lease ends.
    async fn hurry(&self, transaction: TransactionId) -> Result<(), Error>;
    async fn get(&self, transaction: TransactionId) -> Result<Option<Payment>, Error>;
    /// Returns the order's attempt that was not declined, or else the latest attempt.
    async fn find(&self, order: OrderId) -> Result<Option<Payment>, Error>;
    /// Returns up to `size` attempts to charge the user's orders after `after`, newest first. A payment that cannot be
    /// decoded is left out, but counts towards `size`.
    async fn page(&self, user: UserId, after: Option<Cursor>, size: u32) -> Result<PaymentPage, Error>;
}

/// The refunds of charges: of what is left of a charge when its order is cancelled, and of parts.
#[async_trait]
pub trait Refunds: Send + Sync {
    /// Records a partial refund, unless one is recorded under its order and reference, and returns the recorded one.
    /// Returns `None` if the order was not charged, its charge is refunded as a whole, less than the amount is left of
    /// it, or it has [`MAX_PARTIAL_REFUNDS`](crate::model::MAX_PARTIAL_REFUNDS).
    async fn add_refund(&self, refund: &PartialRefund) -> Result<Option<RecordedRefund>, Error>;
    /// Takes at most `limit` refunds that are due, those with the fewest tries first, and returns each with the number
    /// of its earlier tries. Each has the [`lease`] of that number and is due again afterwards.
    async fn due_refunds(&self, limit: i64) -> Result<Vec<(RecordedRefund, u32)>, Error>;
    /// Records the provider's response to a request. Does nothing if another request is the latest. A refund that is
    /// not made is due again after `backoff`.
    async fn record_refund(
        &self,
        refund: Uuid,
        request: &RefundRequest,
        state: &RefundState,
        backoff: Duration,
    ) -> Result<(), Error>;
    /// Makes an unfinished refund due now.
    async fn hurry_partial_refund(&self, refund: Uuid) -> Result<(), Error>;
    /// Makes a refund due again, under the next key, because it has failed since it was made. Does nothing unless the
    /// request with this number made it.
    async fn reopen_partial_refund(&self, refund: Uuid, number: u32) -> Result<(), Error>;
    /// Returns the partial refunds of a charge, oldest first. A refund that cannot be decoded is left out.
    async fn refunds_of(&self, transaction: TransactionId) -> Result<Vec<RecordedRefund>, Error>;
    /// Replaces `current`, the request to refund the charge, by `next`. Does nothing if `current` is not the latest
    /// request. The payment is due again after `backoff`. Only the second request changes `updated_at`, from which the
    /// audit counts how long a refund takes: one that fails again and again must become overdue.
    async fn continue_refund(
        &self,
        transaction: TransactionId,
        current: &RefundRequest,
        next: &RefundRequest,
        backoff: Duration,
    ) -> Result<(), Error>;
    /// Records that the provider has refunded the charge by this request. Does nothing if another request is the
    /// latest.
    async fn refunded(&self, transaction: TransactionId, request: &RefundRequest) -> Result<(), Error>;
    /// Makes a refund due again, under the next key, because it has failed after it was made. Does nothing if the
    /// charge is not refunded by the request with this number.
    async fn reopen_refund(&self, transaction: TransactionId, number: u32) -> Result<(), Error>;
}
