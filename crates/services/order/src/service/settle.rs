//! Settles an attempt to pay: confirms the reservation, requests the charge, and writes the outcome.
//!
//! If a process dies, the reconciler takes its attempt over and retries the request under the same attempt, which the
//! payment service charges at most once. An attempt therefore ends only when its outcome is known. `model::attempt`
//! decides which process may end it, and which services that process must call first.

use std::{sync::Arc, time::Duration};

use contracts::ids::TransactionId;
use platform::{deadline, error_chain, jobs, outage::refused, postgres::DatabaseError};
use tokio_util::sync::CancellationToken;

use super::OrderService;
use crate::{
    client::{ChargeAnswer, Voided},
    error::{Error, OrderRefusal},
    metrics,
    model::{
        AttemptEnd, AttemptLease, CancelReason, Charge, Confirmation, Order, Payment, PaymentStatus, RequestOutcome,
        Status, Step,
    },
    repository::Settlement,
};

/// The result of a request to pay, once its attempt is settled.
type Settled = Result<RequestOutcome, Error>;

/// The time limit for confirming the reservation of an order that is charged already.
const CONFIRM_CHARGED_TIMEOUT: Duration = Duration::from_millis(500);

impl OrderService {
    /// Settles an attempt, for a request or for the reconciler.
    ///
    /// If another process may have requested the charge, the charge is looked up first: a charged order becomes paid
    /// even while inventory is unavailable.
    pub(super) async fn finish(&self, order: Order, lease: AttemptLease) -> Settled {
        if lease.shared {
            match self.charged_before(&order, &lease).await {
                Ok(Some(transaction)) => return self.charged(order, lease, transaction).await,
                Ok(None) => {}
                Err(error) => return Err(self.ask_later(&order, &lease, &error.to_string()).await),
            }
        }
        let (confirmation, refused) = self.confirm(&order).await;
        match (lease.after_confirmation(confirmation), refused) {
            (Step::Charge, _) | (_, None) => self.charge(order, lease).await,
            (step, Some(error)) => self.give_up(order, lease, step, error).await,
        }
    }

    /// Returns the transaction, if the payment service says that this attempt has charged the order.
    async fn charged_before(&self, order: &Order, lease: &AttemptLease) -> Result<Option<TransactionId>, Error> {
        let payment = self.payments.find(order.uuid).await?;
        let is_charge =
            |payment: &Payment| payment.attempt == lease.attempt.number && payment.status == PaymentStatus::Success;
        Ok(payment.filter(is_charge).map(|payment| payment.transaction))
    }

    /// Asks inventory to confirm the reservation. Also returns the error if inventory did not confirm it.
    async fn confirm(&self, order: &Order) -> (Confirmation, Option<Error>) {
        match self.inventory.reserve(order.uuid, order.user, &order.quantities(), true).await {
            Ok(_) => (Confirmation::Held, None),
            Err(error @ Error::Refused(_)) => (Confirmation::Refused, Some(error)),
            Err(error) => (Confirmation::Unknown, Some(error)),
        }
    }

    async fn charge(&self, order: Order, lease: AttemptLease) -> Settled {
        match self.payments.pay(&order, lease.attempt).await {
            ChargeAnswer::Charged(transaction) => self.paid(order, lease, transaction).await,
            ChargeAnswer::Declined(refusal) => self.declined(&order, lease, refusal).await,
            ChargeAnswer::NotAsked(problem) => self.not_asked(&order, lease, problem).await,
            ChargeAnswer::Unknown(problem) => Err(self.ask_later(&order, &lease, &problem).await),
        }
    }

    async fn paid(&self, mut order: Order, lease: AttemptLease, transaction: TransactionId) -> Settled {
        let event = order.pay(lease.attempt.number, transaction)?;
        let outcome = RequestOutcome::Paid { transaction };
        let settlement = Settlement::Paid { transaction, event };
        if self.settle(&order, &lease, &settlement, Some(&outcome)).await? {
            self.is_paid(&order, lease.attempt.number);
            return Ok(outcome);
        }
        // Another process has ended the attempt.
        match self.find(order.user, order.uuid).await?.payment {
            Some((_, written)) if written == transaction => Ok(outcome),
            _ => Err(Error::PaymentOutcomeUnknown),
        }
    }

    pub(super) fn is_paid(&self, order: &Order, attempt: i32) {
        self.relay.wake();
        metrics::paid(order);
        tracing::info!(order_uuid = %order.uuid, attempt, "order paid");
    }

    /// Executes `step` for an attempt whose reservation was not confirmed because of `error`.
    async fn give_up(&self, order: Order, lease: AttemptLease, step: Step, error: Error) -> Settled {
        match step {
            Step::End(AttemptEnd::Abandoned) => {
                let abandoned = self.settle(&order, &lease, &Settlement::Abandoned, None).await?;
                Err(if abandoned { error } else { Error::PaymentOutcomeUnknown })
            }
            Step::End(_) => self.out_of_stock(order, lease, None, error).await,
            Step::Void => self.void(order, lease, error).await,
            Step::Charge | Step::ConfirmCharged | Step::AskLater => {
                Err(self.ask_later(&order, &lease, &error.to_string()).await)
            }
        }
    }

    /// Voids an attempt for which another process may have requested a charge. Payment's result decides the next step.
    async fn void(&self, order: Order, lease: AttemptLease, error: Error) -> Settled {
        let (charge, transaction, problem) = match self.payments.void(&order, lease.attempt).await {
            Voided::Void => (Charge::None, None, String::new()),
            Voided::Charged(transaction) => (Charge::Made, Some(transaction), String::new()),
            Voided::Unknown(problem) => (Charge::Unknown, None, problem),
        };
        match (Step::after_void(charge), transaction) {
            (Step::End(_), _) => self.out_of_stock(order, lease, None, error).await,
            (Step::ConfirmCharged, Some(transaction)) => self.charged(order, lease, transaction).await,
            _ => Err(self.ask_later(&order, &lease, &problem).await),
        }
    }

    /// Settles an attempt that has charged the order. Inventory keeps the parts of an order that is paid, so this
    /// waits only briefly for its response.
    async fn charged(&self, order: Order, lease: AttemptLease, transaction: TransactionId) -> Settled {
        let (confirmation, refused) = deadline::within(CONFIRM_CHARGED_TIMEOUT, self.confirm(&order)).await;
        match (Step::after_confirming_charged(confirmation), refused) {
            (Step::End(AttemptEnd::Compensated), Some(error)) => {
                self.out_of_stock(order, lease, Some(transaction), error).await
            }
            _ => self.paid(order, lease, transaction).await,
        }
    }

    /// Cancels an order whose parts are no longer available. When the payment service receives `OrderCancelled`, it
    /// refunds the charge, if there is one.
    async fn out_of_stock(
        &self,
        mut order: Order,
        lease: AttemptLease,
        charged: Option<TransactionId>,
        error: Error,
    ) -> Settled {
        let Error::Refused(refusal) = &error else { return Err(error) };
        let outcome = RequestOutcome::Refused(refusal.clone());
        let number = lease.attempt.number;
        let settlement = if let Some(transaction) = charged {
            Settlement::Compensated { transaction, event: order.compensate_attempt(number, transaction)? }
        } else {
            order.end_attempt(number)?;
            Settlement::Cancelled { event: order.cancel(CancelReason::OutOfStock)? }
        };
        if !self.settle(&order, &lease, &settlement, Some(&outcome)).await? {
            return Err(Error::PaymentOutcomeUnknown);
        }
        self.cancelled(order.uuid, CancelReason::OutOfStock);
        Err(error)
    }

    /// Writes the end of an attempt. If that fails, the outcome is unknown until the reconciler has written it.
    async fn settle(
        &self,
        order: &Order,
        lease: &AttemptLease,
        settlement: &Settlement,
        outcome: Option<&RequestOutcome>,
    ) -> Result<bool, Error> {
        self.attempts.settle(order.uuid, lease, settlement, outcome).await.map_err(|error| {
            tracing::warn!(
                order_uuid = %order.uuid,
                attempt = lease.attempt.number,
                error = error_chain(error),
                "payment outcome not written; the reconciler retries"
            );
            Error::PaymentOutcomeUnknown
        })
    }

    async fn declined(&self, order: &Order, lease: AttemptLease, refusal: OrderRefusal) -> Settled {
        let outcome = RequestOutcome::Refused(refusal.clone());
        if self.settle(order, &lease, &Settlement::Declined(refusal.clone()), Some(&outcome)).await? {
            tracing::info!(order_uuid = %order.uuid, attempt = lease.attempt.number, reason = %refusal, "payment declined");
            self.hold(order).await;
        } else if self.find(order.user, order.uuid).await?.status == Status::Cancelled {
            // A process that voided the attempt has cancelled the order and stored that outcome under the key.
            return Err(Error::PaymentOutcomeUnknown);
        }
        // Otherwise the payment service's event or another process has ended the attempt with the same result.
        Err(refusal.into())
    }

    /// Ends an attempt whose request payment did not execute, unless another process may have requested the charge.
    async fn not_asked(&self, order: &Order, lease: AttemptLease, problem: String) -> Settled {
        // This process has caused no charge, as after a confirmation with an unknown outcome.
        let step = lease.after_confirmation(Confirmation::Unknown);
        let error = Error::Unavailable("payment", anyhow::anyhow!(problem));
        let ended = self.give_up(order.clone(), lease, step, error).await;
        if matches!(ended, Err(Error::Unavailable(..))) {
            self.hold(order).await;
        }
        ended
    }

    /// Makes the parts of an order that was not charged count as unpaid again. If that fails, they count when the next
    /// payment is declined.
    async fn hold(&self, order: &Order) {
        if let Err(error) = self.inventory.reserve(order.uuid, order.user, &order.quantities(), false).await {
            refused(
                "parts of an order that was not charged stay confirmed",
                format!("order {}: {}", order.uuid, error_chain(error)),
            );
        }
    }
}

const MAX_CONCURRENT_ATTEMPTS: usize = 64;
/// The maximum number of attempts that one statement takes. They wait while [`MAX_CONCURRENT_ATTEMPTS`] others are
/// being settled.
const BATCH_SIZE: i64 = 16;
/// The lease of an attempt, after which another reconciler may take it. It is longer than the maximum wait for other
/// attempts plus the maximum time to settle.
const LEASE_TTL: Duration = Duration::from_secs(20);
/// The time limit for the first try to settle an attempt. It doubles with each try.
const FIRST_SETTLE_TIMEOUT: Duration = Duration::from_secs(2);
const MAX_SETTLE_TIMEOUT: Duration = Duration::from_secs(8);
const WRITE_RESERVE: Duration = Duration::from_secs(1);
/// The first backoff before the reconciler retries an attempt whose outcome is unknown.
const FIRST_RETRY_DELAY: Duration = Duration::from_secs(1);
/// The maximum backoff. With it, outcomes are known well within 30 s after the payment service has recovered.
const MAX_RETRY_DELAY: Duration = Duration::from_secs(8);
/// The maximum number of attempts that are counted. A gauge that shows it means this many or more.
const MAX_COUNTED: i64 = 10_000;

impl OrderService {
    /// Settles attempts whose requests ended without a known outcome, until `stop`.
    ///
    /// Every replica runs a reconciler, and only one of them at a time takes an attempt. An attempt that hangs does not
    /// block the others: attempts are settled concurrently, and those that were tried least often come first.
    pub async fn reconcile_payments(&self, stop: CancellationToken) -> anyhow::Result<()> {
        let take = || self.attempts.unsettled(BATCH_SIZE, LEASE_TTL);
        let unsettled = jobs::due("payment-attempts", take, Arc::default(), stop);
        let settle = |(order, lease)| self.settle_attempt(order, lease);
        jobs::for_each(unsettled, MAX_CONCURRENT_ATTEMPTS, "reconcile payment", settle).await;
        Ok(())
    }

    async fn settle_attempt(&self, order: Order, lease: AttemptLease) {
        let uuid = order.uuid;
        let limit = time_to_settle(lease.tries);
        let work = deadline::within(limit, self.finish(order.clone(), lease));
        // The calls to other services end at the deadline. The additional time is for writing their outcome.
        match tokio::time::timeout(limit + WRITE_RESERVE, work).await {
            Ok(Ok(_)) => tracing::info!(order_uuid = %uuid, "reconciled: the order is paid"),
            Ok(Err(
                Error::PaymentOutcomeUnknown | Error::Unavailable(..) | Error::Database(DatabaseError::Unavailable(_)),
            )) => {}
            Ok(Err(error @ Error::Refused(_))) => {
                tracing::info!(order_uuid = %uuid, %error, "reconciled: the order is not paid");
            }
            Ok(Err(error)) => {
                tracing::error!(order_uuid = %uuid, error = error_chain(error), "payment attempt not reconciled, retrying");
            }
            Err(_) => {
                self.ask_later(&order, &lease, "timed out").await;
            }
        }
    }

    /// Leaves an attempt to the reconciler, which retries it after a backoff. Returns the error for the request that
    /// began the attempt.
    async fn ask_later(&self, order: &Order, lease: &AttemptLease, problem: &str) -> Error {
        let attempt = lease.attempt.number;
        tracing::warn!(order_uuid = %order.uuid, attempt, problem, "payment outcome unknown; retrying later");
        // This shortens the wait. If it fails, the attempt is due when its lease expires.
        let _ = self.attempts.postpone(order.uuid, lease, backoff(lease.tries)).await;
        Error::PaymentOutcomeUnknown
    }

    pub async fn report_backlog(&self) {
        // The reconciler logs that the database is unavailable.
        if let Ok(count) = self.attempts.long_unsettled(MAX_COUNTED).await {
            metrics::unsettled(count);
        }
    }
}

/// Returns the backoff after an attempt has been taken `tries` times. It doubles with each try, up to a maximum.
fn backoff(tries: u32) -> Duration {
    FIRST_RETRY_DELAY.saturating_mul(1 << tries.min(10)).min(MAX_RETRY_DELAY)
}

/// Returns the time limit for settling an attempt that has been taken `tries` times. It is short at first, because the
/// payment service finishes a slower charge by itself and the next try gets its outcome.
fn time_to_settle(tries: u32) -> Duration {
    FIRST_SETTLE_TIMEOUT.saturating_mul(1 << tries.saturating_sub(1).min(10)).min(MAX_SETTLE_TIMEOUT)
}
