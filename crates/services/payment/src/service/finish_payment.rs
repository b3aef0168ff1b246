//! Finishes one payment: settles an unknown outcome and executes the refund if one is due.

use super::PaymentService;
use crate::{
    client::Refund,
    error::Error,
    model::{Intent, Payment, Status},
};

impl PaymentService {
    /// Settles the payment if it is pending, then refunds it if a refund is due.
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
