//! Settles payments: records the outcome of a charge.

use super::PaymentService;
use crate::{
    error::Error,
    metrics,
    model::{Intent, Outcome, Payment, Status},
};

impl PaymentService {
    /// Records the outcome, and counts the payment if this call recorded it first. Wakes the job that refunds if the
    /// order was cancelled meanwhile.
    pub(super) async fn settle(&self, payment: Payment, outcome: &Outcome) -> Result<Payment, Error> {
        let Intent { order, transaction, attempt, .. } = payment.intent;
        let (payment, is_first) = self.payments.settle(&payment.intent, outcome).await?;
        let status = &payment.status;
        if is_first {
            metrics::settled(&payment);
            tracing::info!(order_uuid = %order, transaction_uuid = %transaction, attempt, ?status, "payment settled");
        }
        self.relay.wake();
        if matches!(status, Status::Refunding { .. }) {
            self.refund_due.notify_one();
        }
        Ok(payment)
    }
}
