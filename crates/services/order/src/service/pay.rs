//! Pays an order: begins an attempt, confirms the reservation, requests the charge from the payment service, and writes the outcome.
//!
//! If a process dies, the reconciler takes its attempt over and repeats the request under the same attempt, which the payment service
//! charges at most once. An attempt therefore ends only when its outcome is known. `model::attempt` decides which process may end it, and
//! which services that process must call first.

use std::time::Duration;

use contracts::ids::{OrderId, TransactionId, UserId};
use platform::{deadline, error_chain, http::REQUEST_TIMEOUT, outage::refused, postgres::DatabaseError};

use super::{OrderService, idempotency::Execution};
use crate::{
    client::{Payment, Voided},
    error::{Error, Refusal},
    metrics,
    model::{
        self, Action, AttemptEnd, AttemptLease, CancelReason, Charge, Claim, Confirmation, Order, Outcome,
        PaymentMethod, PaymentStatus, Step,
    },
    repository::Settlement,
};

/// The time after which the reconciler takes an attempt over from its request: longer than any request may take.
const LEASE_TTL: Duration = Duration::from_secs(12);
/// The part of a request's time limit that is reserved for responding that the outcome is unknown.
const RESPONSE_RESERVE: Duration = Duration::from_millis(500);
/// The time limit for confirming the reservation of an order that is charged already.
const CONFIRM_CHARGED_TIMEOUT: Duration = Duration::from_millis(500);

impl OrderService {
    /// Pays an order and returns [`Outcome::Paid`]. After [`Error::PaymentOutcomeUnknown`] the reconciler settles the attempt, if one is
    /// open.
    pub async fn pay(
        &self,
        user: UserId,
        order: OrderId,
        method: PaymentMethod,
        claim: Option<&Claim>,
    ) -> Result<Outcome, Error> {
        let paid = self.idempotent(claim, order, async |execution| {
            let limit = deadline::remaining(REQUEST_TIMEOUT).saturating_sub(RESPONSE_RESERVE);
            let paid = tokio::time::timeout(limit, self.begin_and_finish(user, order, method, execution)).await;
            // A request that timed out, or whose SQL statement got no answer, may have begun an attempt that charged
            // the order.
            let problem = match paid {
                Ok(Err(Error::Database(error @ DatabaseError::Unavailable(_)))) => error_chain(error),
                Ok(paid) => return paid,
                Err(_) => "timed out".to_owned(),
            };
            refused("payment outcome unknown", format!("order {order}: {problem}"));
            Err(Error::PaymentOutcomeUnknown)
        });
        let paid = paid.await;
        if matches!(paid, Err(Error::PaymentOutcomeUnknown)) {
            metrics::outcome_unknown();
        }
        paid
    }

    async fn begin_and_finish(
        &self,
        user: UserId,
        order: OrderId,
        method: PaymentMethod,
        execution: Execution<'_>,
    ) -> Result<Outcome, Error> {
        if let Some(number) = execution.attempt
            && let Some(outcome) = self.resume(user, order, number, execution).await?
        {
            return Ok(outcome);
        }
        let (order, lease) = self.begin(user, order, method, execution).await?;
        self.finish(order, lease).await
    }

    /// Continues an attempt that an earlier request with the same key began. Returns `None` if the attempt has ended without a charge.
    async fn resume(
        &self,
        user: UserId,
        order: OrderId,
        number: i32,
        execution: Execution<'_>,
    ) -> Result<Option<Outcome>, Error> {
        let order = self.find(user, order).await?;
        if order.attempts != number {
            return Ok(None);
        }
        if order.attempt.is_some() {
            let taken = self.attempts.take(user, order.uuid, number, LEASE_TTL).await?;
            // `None` means that the attempt has ended since the order was read. A repeated request gets the outcome from the key or from
            // the order.
            let lease = taken.ok_or(Error::PaymentOutcomeUnknown)?;
            return self.finish(order, lease).await.map(Some);
        }
        let Some((_, transaction)) = order.payment else { return Ok(None) };
        let outcome = Outcome::Paid { transaction };
        if let Some(claim) = execution.claim {
            self.keys.complete(claim, &outcome).await?;
        }
        Ok(Some(outcome))
    }

    async fn begin(
        &self,
        user: UserId,
        order: OrderId,
        method: PaymentMethod,
        execution: Execution<'_>,
    ) -> Result<(Order, AttemptLease), Error> {
        loop {
            let begun = self.attempts.begin(user, order, method, LEASE_TTL, execution.claim).await?;
            let (mut found, lease) = begun.ok_or(Refusal::OrderNotFound(order))?;
            if let Some(lease) = lease {
                found.attempts = lease.attempt.number;
                found.attempt = Some(lease.attempt);
                return Ok((found, lease));
            }
            // If the model would let the attempt begin, the order changed while the statement ran: read it again.
            found.check(Action::Pay)?;
        }
    }

    /// Settles an attempt, for a request or for the reconciler: confirms the reservation, requests the charge and writes the outcome.
    ///
    /// If another process may have requested the charge, that is looked up first: what is charged is paid, also without
    /// inventory.
    pub(super) async fn finish(&self, order: Order, lease: AttemptLease) -> Result<Outcome, Error> {
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
        let is_charge = |payment: &model::Payment| {
            payment.attempt == lease.attempt.number && payment.status == PaymentStatus::Success
        };
        Ok(payment.filter(is_charge).map(|payment| payment.transaction))
    }

    /// Requests the inventory service to confirm the reservation. Also returns the error if that service did not confirm it.
    async fn confirm(&self, order: &Order) -> (Confirmation, Option<Error>) {
        match self.inventory.reserve(order.uuid, order.user, &order.quantities(), true).await {
            Ok(_) => (Confirmation::Held, None),
            Err(error @ Error::Refused(_)) => (Confirmation::Refused, Some(error)),
            Err(error) => (Confirmation::Unknown, Some(error)),
        }
    }

    async fn charge(&self, order: Order, lease: AttemptLease) -> Result<Outcome, Error> {
        match self.payments.pay(&order, lease.attempt).await {
            Payment::Charged(transaction) => self.paid(order, lease, transaction).await,
            Payment::Declined(refusal) => self.declined(&order, lease, refusal).await,
            Payment::NotAsked(problem) => self.not_asked(&order, lease, problem).await,
            Payment::Unknown(problem) => Err(self.ask_later(&order, &lease, &problem).await),
        }
    }

    async fn paid(&self, mut order: Order, lease: AttemptLease, transaction: TransactionId) -> Result<Outcome, Error> {
        let event = order.pay(lease.attempt.number, transaction)?;
        let outcome = Outcome::Paid { transaction };
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
    pub(super) async fn give_up(
        &self,
        order: Order,
        lease: AttemptLease,
        step: Step,
        error: Error,
    ) -> Result<Outcome, Error> {
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

    /// Voids an attempt for which another process may have requested a charge. The payment service's result decides the next step.
    async fn void(&self, order: Order, lease: AttemptLease, error: Error) -> Result<Outcome, Error> {
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

    /// Settles an attempt that has charged the order. Inventory keeps the parts of an order that is paid, so it is not
    /// waited for.
    async fn charged(&self, order: Order, lease: AttemptLease, transaction: TransactionId) -> Result<Outcome, Error> {
        let (confirmation, refused) = deadline::within(CONFIRM_CHARGED_TIMEOUT, self.confirm(&order)).await;
        match (Step::after_confirming_charged(confirmation), refused) {
            (Step::End(AttemptEnd::Compensated), Some(error)) => {
                self.out_of_stock(order, lease, Some(transaction), error).await
            }
            _ => self.paid(order, lease, transaction).await,
        }
    }

    /// Cancels an order whose parts are no longer available. When the payment service receives `OrderCancelled`, it refunds the charge, if
    /// there is one.
    async fn out_of_stock(
        &self,
        mut order: Order,
        lease: AttemptLease,
        charged: Option<TransactionId>,
        error: Error,
    ) -> Result<Outcome, Error> {
        let Error::Refused(refusal) = &error else { return Err(error) };
        let outcome = Outcome::Refused(refusal.clone());
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

    /// Writes the end of an attempt. If that fails, the outcome is unknown to the user until the reconciler has written it.
    pub(super) async fn settle(
        &self,
        order: &Order,
        lease: &AttemptLease,
        settlement: &Settlement,
        outcome: Option<&Outcome>,
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
}
