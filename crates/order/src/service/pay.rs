//! Paying an order: an attempt is begun, its reservation confirmed, the charge asked for, and what came of it written.
//!
//! Whoever dies on the way leaves an attempt that the reconciler takes up: the charge is asked for again under the same attempt,
//! which payment charges once. So an attempt ends only when it is known how.

use std::time::Duration;

use platform::{deadline, http::REQUEST_LIMIT};
use uuid::Uuid;

use super::{OrderService, once::Turn};
use crate::{
    client::Payment,
    error::{Error, Refusal},
    model::{Attempt, CancelReason, Claim, Order, Outcome, PaymentMethod},
    repository::Settlement,
};

/// How long a request may take for its attempt before the reconciler asks: a little longer than any request is given.
const PATIENCE: Duration = Duration::from_secs(12);
/// What a request keeps of its time to say that it does not know.
const TO_ANSWER: Duration = Duration::from_millis(500);
/// When the reconciler asks about an attempt whose outcome is unknown.
const ASK_AGAIN: Duration = Duration::from_secs(1);

impl OrderService {
    /// Answers [`Outcome::Paid`]. [`Error::PaymentOutcomeUnknown`] leaves the order as it is until the truth is known.
    pub async fn pay(
        &self,
        user: Uuid,
        order: Uuid,
        method: PaymentMethod,
        claim: Option<&Claim>,
    ) -> Result<Outcome, Error> {
        let objection = async { self.find(user, order).await?.begin_attempt(method).map(drop).map_err(Error::from) };
        self.once(claim, order, objection, async |turn| {
            // Once an attempt may be open, a request that runs out of time is not one that charged nothing.
            let limit = deadline::remaining(REQUEST_LIMIT).saturating_sub(TO_ANSWER);
            let paid = tokio::time::timeout(limit, self.begin_and_finish(user, order, method, turn)).await;
            paid.unwrap_or_else(|_| {
                tracing::warn!(order_uuid = %order, "a payment takes longer than its request, and its outcome is unknown");
                Err(Error::PaymentOutcomeUnknown)
            })
        })
        .await
    }

    async fn begin_and_finish(
        &self,
        user: Uuid,
        order: Uuid,
        method: PaymentMethod,
        turn: Turn<'_>,
    ) -> Result<Outcome, Error> {
        if let Some(number) = turn.attempt
            && let Some(outcome) = self.resume(user, order, number, turn).await?
        {
            return Ok(outcome);
        }
        let (order, attempt) = self.begin(user, order, method, turn).await?;
        self.finish(order, attempt).await
    }

    /// Goes on with an attempt that an earlier request with the same key had begun. Nothing when it has ended without a charge.
    async fn resume(&self, user: Uuid, order: Uuid, number: i32, turn: Turn<'_>) -> Result<Option<Outcome>, Error> {
        let order = self.find(user, order).await?;
        if order.attempts != number {
            return Ok(None);
        }
        if let Some(attempt) = order.attempt {
            // From here two may ask: neither can abandon it.
            self.orders.postpone(order.uuid, number, PATIENCE).await?;
            return self.finish(order, attempt).await.map(Some);
        }
        let Some((_, transaction)) = order.payment else { return Ok(None) };
        let outcome = Outcome::Paid { transaction };
        if let Some(claim) = turn.claim {
            self.orders.complete(claim, &outcome).await?;
        }
        Ok(Some(outcome))
    }

    async fn begin(
        &self,
        user: Uuid,
        order: Uuid,
        method: PaymentMethod,
        turn: Turn<'_>,
    ) -> Result<(Order, Attempt), Error> {
        loop {
            let begun = self.orders.begin_attempt(user, order, method, PATIENCE, turn.claim).await?;
            let (mut found, attempt) = begun.ok_or(Refusal::OrderNotFound(order))?;
            if let Some(attempt) = attempt {
                found.attempts = attempt.number;
                found.attempt = Some(attempt);
                return Ok((found, attempt));
            }
            // Says why not; if it says nothing, the order has changed while the statement ran, and is looked at again.
            found.begin_attempt(method)?;
        }
    }

    /// Carries an attempt to its end, as a request or as the reconciler: confirm, charge, write.
    pub(super) async fn finish(&self, order: Order, attempt: Attempt) -> Result<Outcome, Error> {
        if let Err(error) = self.inventory.reserve(order.uuid, &order.quantities(), true).await {
            return Err(self.without_reservation(order, attempt, error).await);
        }
        match self.payments.pay(&order, attempt).await {
            Payment::Charged(transaction) => self.charged(order, attempt, transaction).await,
            Payment::Declined(refusal) => {
                let outcome = Outcome::Refused(refusal.clone());
                self.settle(&order, attempt, &Settlement::Declined, Some(&outcome)).await?;
                tracing::info!(order_uuid = %order.uuid, attempt = attempt.number, reason = %refusal, "a payment is declined");
                Err(refusal.into())
            }
            Payment::Unknown(problem) => {
                tracing::warn!(order_uuid = %order.uuid, attempt = attempt.number, problem, "the outcome of a payment is unknown");
                metrics::counter!("payment_outcomes_unknown_total").increment(1);
                // Sooner than after the patience with which the attempt began; that is the backstop.
                let _ = self.orders.postpone(order.uuid, attempt.number, ASK_AGAIN).await;
                Err(Error::PaymentOutcomeUnknown)
            }
        }
    }

    async fn charged(&self, mut order: Order, attempt: Attempt, transaction: Uuid) -> Result<Outcome, Error> {
        let event = order.pay(attempt.number, transaction)?;
        let outcome = Outcome::Paid { transaction };
        let settlement = Settlement::Paid { transaction, event };
        if self.settle(&order, attempt, &settlement, Some(&outcome)).await? {
            self.relay.wake();
            metrics::counter!("orders_paid_total").increment(1);
            metrics::counter!("orders_revenue_total").increment(order.total_price.minor().unsigned_abs());
            tracing::info!(order_uuid = %order.uuid, attempt = attempt.number, "an order is paid");
            return Ok(outcome);
        }
        // Somebody else has written how it ended: what stands there is what happened.
        match self.find(order.user, order.uuid).await?.payment {
            Some((_, written)) if written == transaction => Ok(outcome),
            _ => Err(Error::PaymentOutcomeUnknown),
        }
    }

    /// Nothing is charged for an order whose parts are not held. Answers why not.
    async fn without_reservation(&self, mut order: Order, attempt: Attempt, error: Error) -> Error {
        let ended = async {
            let Error::Refused(refusal) = &error else {
                // What somebody may have asked payment for does not end before it is known how.
                let abandoned = self.settle(&order, attempt, &Settlement::Abandoned, None).await?;
                return if abandoned { Ok(()) } else { Err(Error::PaymentOutcomeUnknown) };
            };
            order.end_attempt(attempt.number)?;
            let event = order.cancel(CancelReason::OutOfStock)?;
            let outcome = Outcome::Refused(refusal.clone());
            if self.settle(&order, attempt, &Settlement::Cancelled { event }, Some(&outcome)).await? {
                self.cancelled(&order, CancelReason::OutOfStock);
            }
            Ok(())
        };
        ended.await.err().unwrap_or(error)
    }

    /// Writes how an attempt ended. Failing that, nobody knows until the reconciler has written it.
    async fn settle(
        &self,
        order: &Order,
        attempt: Attempt,
        settlement: &Settlement,
        outcome: Option<&Outcome>,
    ) -> Result<bool, Error> {
        self.orders.settle(order.uuid, attempt.number, settlement, outcome).await.map_err(|error| {
            tracing::warn!(
                order_uuid = %order.uuid,
                attempt = attempt.number,
                error = format!("{:#}", anyhow::Error::from(error)),
                "the outcome of a payment could not be written"
            );
            Error::PaymentOutcomeUnknown
        })
    }
}
