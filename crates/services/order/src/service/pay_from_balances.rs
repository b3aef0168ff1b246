//! Pays orders of `/api/orders` from their users' balances, without a request to pay.
//!
//! The statement that creates the order sets the time at which it is due to be paid. The order stops being due in the
//! statement that charges any attempt, or declines an attempt from the balance. If a process dies before it has begun
//! the attempt, the order becomes due again. If it dies later, the reconciler takes the attempt over. Two processes
//! never begin two attempts, because `Attempts::begin` admits one at a time.

use std::time::Duration;

use contracts::ids::{OrderId, UserId};
use platform::{error_chain, jobs};
use tokio_util::sync::CancellationToken;

use super::OrderService;
use crate::{error::Error, model::PaymentMethod};

/// The maximum number of orders that one replica pays concurrently.
const MAX_CONCURRENT_PAYMENTS: usize = 64;
/// The maximum number of orders that one statement takes.
const BATCH_SIZE: i64 = 16;
/// The first pause before an order that could not be paid is due again. The pause doubles each time up to 16 s.
const FIRST_RETRY_DELAY: Duration = Duration::from_secs(1);

impl OrderService {
    /// Pays orders as they fall due, until `stop`. Every replica runs this job.
    pub async fn pay_from_balances(&self, stop: CancellationToken) -> anyhow::Result<()> {
        let take = || self.checkouts.due_to_pay_themselves(BATCH_SIZE, FIRST_RETRY_DELAY);
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
