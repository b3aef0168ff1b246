//! Finishes one payment: settles an unknown outcome and executes the refund if one is due.

use super::PaymentService;
use crate::{
    client::{Refund, Unknown},
    error::Error,
    metrics,
    model::{Intent, Payment, RefundRequest, RefundState, Status},
};

impl PaymentService {
    /// Settles the payment if it is pending, then refunds it if a refund is due.
    pub(super) async fn finish(&self, payment: Payment) -> Result<(), Error> {
        let payment = self.settle_unknown(payment).await?;
        match payment.status {
            Status::Refunding { reference, request } => self.make_refund(&payment.intent, reference, &request).await,
            _ => Ok(()),
        }
    }

    /// Requests the refund of a charge, or asks how the requested one stands. Fails until the charge is refunded.
    async fn make_refund(&self, intent: &Intent, charge: String, request: &RefundRequest) -> Result<(), Error> {
        let Intent { order, transaction, amount, provider, .. } = *intent;
        let key = request.key(transaction);
        let refund = Refund { transaction, key, charge, amount, pending: request.reference.clone() };
        let state = self.providers.get(provider)?.refund(&refund).await?;
        let Some(next) = request.next(&state) else {
            self.payments.refunded(transaction).await?;
            tracing::info!(order_uuid = %order, transaction_uuid = %transaction, "payment refunded");
            return Ok(());
        };
        self.payments.continue_refund(transaction, request, &next).await?;
        if state == RefundState::Failed {
            metrics::refund_failed();
            tracing::error!(order_uuid = %order, transaction_uuid = %transaction, key = refund.key, "refund failed");
        }
        Err(Unknown(anyhow::anyhow!("the refund {} is not made yet: {state:?}", refund.key)).into())
    }
}
