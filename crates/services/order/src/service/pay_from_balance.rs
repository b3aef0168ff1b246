//! Pays orders of `/api/orders` from their users' balances, without a request.
//!
//! The order is created with the wish to be paid so, and the wish ends with the attempt that is charged or declined, in the same
//! statements. A process that dies before it has begun the attempt leaves an order that is due again; after that, an attempt that the
//! reconciler takes over. Two processes never begin two attempts: `Attempts::begin` admits one at a time.

use std::time::Duration;

use contracts::ids::{OrderId, UserId};
use futures::StreamExt as _;
use platform::jobs;
use tokio_util::sync::CancellationToken;

use super::OrderService;
use crate::{error::Error, model::PaymentMethod};

/// Orders paid at once.
const PAID_AT_ONCE: usize = 64;
/// Orders taken by one statement.
const TAKEN_AT_ONCE: i64 = 16;
/// The first pause before an attempt that could not be made is made again, doubled each time up to 16 s.
const TRY_AGAIN: Duration = Duration::from_secs(1);

impl OrderService {
    /// Pays orders as they fall due, until `stop`. Every replica runs one.
    pub async fn pay_from_balances(&self, stop: CancellationToken) -> anyhow::Result<()> {
        let take = || self.checkouts.due_to_pay_themselves(TAKEN_AT_ONCE, TRY_AGAIN);
        let due = jobs::due("self-payments", take, self.self_payments.clone(), stop);
        due.for_each_concurrent(PAID_AT_ONCE, |(order, user)| self.pay_from_balance(user, order)).await;
        Ok(())
    }

    async fn pay_from_balance(&self, user: UserId, order: OrderId) {
        match self.pay(user, order, PaymentMethod::InvestorMoney, None).await {
            Ok(_) => tracing::info!(order_uuid = %order, "order paid from its user's balance"),
            Err(Error::Refused(refusal)) => {
                tracing::info!(order_uuid = %order, reason = %refusal, "order not paid from its user's balance");
            }
            Err(error) => {
                let error = format!("{:#}", anyhow::Error::from(error));
                tracing::warn!(order_uuid = %order, error, "payment from the balance not made; retrying later");
            }
        }
    }
}
