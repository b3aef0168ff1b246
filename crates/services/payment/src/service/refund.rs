//! Refunds a cancelled order at once instead of in the background.

use contracts::ids::OrderId;

use super::PaymentService;
use crate::{
    client::Refund,
    error::Error,
    model::{Intent, Payment, Status},
};

impl PaymentService {
    /// Succeeds once the order's charge, if there is one, is refunded.
    ///
    /// Only `OrderCancelled` cancels an order: a refund of an order that is not cancelled is rejected.
    pub async fn refund(&self, order: OrderId) -> Result<(), Error> {
        if !self.payments.is_cancelled(order).await? {
            return Err(Error::NotCancelled(order));
        }
        match self.payments.find(order).await? {
            Some(payment) => self.finish(payment).await,
            None => Ok(()),
        }
    }

    /// Settles a pending payment, then refunds it if it is to be refunded.
    pub(super) async fn finish(&self, payment: Payment) -> Result<(), Error> {
        let payment = if payment.status == Status::Pending { self.settle_unknown(payment).await? } else { payment };
        let Status::Refunding { reference } = payment.status else { return Ok(()) };
        let Intent { order, transaction, amount, provider, .. } = payment.intent;
        let refund = Refund { key: format!("{transaction}-refund"), reference, amount };
        self.providers.get(provider)?.refund(&refund).await?;
        self.payments.refunded(transaction).await?;
        tracing::info!(order_uuid = %order, transaction_uuid = %transaction, "payment refunded");
        Ok(())
    }
}
