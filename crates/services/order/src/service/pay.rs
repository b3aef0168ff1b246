//! Begins an attempt to pay, for a request to pay or from the balance of a user of `/api/orders`. `settle` ends it.
//!
//! The statement that creates an order of `/api/orders` sets the time at which it is due to be paid. The order stops
//! being due in the statement that charges any attempt, or declines an attempt from the balance. If a process dies
//! before it has begun the attempt, the order becomes due again. If it dies later, the reconciler takes the attempt
//! over. Two processes never begin two attempts, because `Attempts::begin` admits one at a time.

use std::time::Duration;

use contracts::ids::{OrderId, UserId};
use platform::{deadline, error_chain, http::REQUEST_TIMEOUT, jobs, outage::refused, postgres::DatabaseError};
use tokio_util::sync::CancellationToken;

use super::{OrderService, idempotency::Execution};
use crate::{
    error::{Error, OrderRefusal},
    metrics,
    model::{Action, AttemptLease, Claim, Order, PaymentMethod, RequestOutcome},
};

/// The reconciler takes an attempt over from its request after this duration. It is longer than any request may take.
const LEASE_TTL: Duration = Duration::from_secs(12);
/// The part of a request's time limit that is reserved for responding that the outcome is unknown.
const RESPONSE_RESERVE: Duration = Duration::from_millis(500);

impl OrderService {
    /// Pays an order and returns [`RequestOutcome::Paid`]. After [`Error::PaymentOutcomeUnknown`] the reconciler
    /// settles the attempt, if one is open.
    pub async fn pay(
        &self,
        user: UserId,
        order: OrderId,
        method: PaymentMethod,
        claim: Option<&Claim>,
    ) -> Result<RequestOutcome, Error> {
        let paid = self.idempotent(claim, order, async |execution| {
            let limit = deadline::remaining(REQUEST_TIMEOUT).saturating_sub(RESPONSE_RESERVE);
            let paid = tokio::time::timeout(limit, self.begin_and_finish(user, order, method, execution)).await;
            // A request that timed out, or whose SQL statement got no response, may have begun an attempt that charged
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
    ) -> Result<RequestOutcome, Error> {
        if let Some(number) = execution.attempt
            && let Some(outcome) = self.resume(user, order, number, execution).await?
        {
            return Ok(outcome);
        }
        let (order, lease) = self.begin(user, order, method, execution).await?;
        self.finish(order, lease).await
    }

    /// Continues an attempt that an earlier request with the same key began. Returns `None` if the attempt has ended
    /// without a charge.
    async fn resume(
        &self,
        user: UserId,
        order: OrderId,
        number: i32,
        execution: Execution<'_>,
    ) -> Result<Option<RequestOutcome>, Error> {
        let order = self.find(user, order).await?;
        if order.attempts != number {
            return Ok(None);
        }
        if order.attempt.is_some() {
            let taken = self.attempts.take(user, order.uuid, number, LEASE_TTL).await?;
            // `None` means that the attempt has ended since the order was read. A retry gets the outcome
            // from the key or from the order.
            let lease = taken.ok_or(Error::PaymentOutcomeUnknown)?;
            return self.finish(order, lease).await.map(Some);
        }
        let Some((_, transaction)) = order.payment else { return Ok(None) };
        let outcome = RequestOutcome::Paid { transaction };
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
            let (mut found, lease) = begun.ok_or(OrderRefusal::OrderNotFound(order))?;
            if let Some(lease) = lease {
                found.attempts = lease.attempt.number;
                found.attempt = Some(lease.attempt);
                return Ok((found, lease));
            }
            // If the model would let the attempt begin, the order changed while the statement ran: read it again.
            found.check(Action::Pay)?;
        }
    }
}

const MAX_CONCURRENT_PAYMENTS: usize = 64;
const BATCH_SIZE: i64 = 16;
/// The first backoff of an order that could not be paid. It doubles each time up to 16 s.
const FIRST_RETRY_DELAY: Duration = Duration::from_secs(1);

impl OrderService {
    /// Pays orders as they fall due, until `stop`. Every replica runs this job.
    pub async fn pay_from_balances(&self, stop: CancellationToken) -> anyhow::Result<()> {
        let take = || self.orders.due_to_pay_themselves(BATCH_SIZE, FIRST_RETRY_DELAY);
        let due = jobs::due("self-payments", take, self.self_payments.clone(), stop);
        let pay = |(order, user)| self.pay_from_balance(user, order);
        jobs::for_each(due, MAX_CONCURRENT_PAYMENTS, "pay from balance", pay).await;
        Ok(())
    }

    async fn pay_from_balance(&self, user: UserId, order: OrderId) {
        match self.pay(user, order, PaymentMethod::InvestorMoney, None).await {
            Ok(_) => tracing::info!(order_uuid = %order, "order paid from its user's balance"),
            Err(Error::Refused(refusal)) => {
                tracing::info!(order_uuid = %order, reason = %refusal, "order not paid from its user's balance");
            }
            Err(error) => {
                tracing::warn!(order_uuid = %order, error = error_chain(error), "payment from the balance not made; retrying later");
            }
        }
    }
}
