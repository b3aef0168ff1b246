//! Settles payments: records the outcome of a charge, and queries the provider first if the outcome is unknown.

use super::PaymentService;
use crate::{
    error::Error,
    model::{Intent, Outcome, Payment, Status},
};

impl PaymentService {
    /// Settles a payment whose outcome is unknown. Looks the outcome up at the provider, or repeats the charge under its idempotency key.
    pub(super) async fn settle_unknown(&self, payment: Payment) -> Result<Payment, Error> {
        let provider = self.providers.get(payment.intent.provider)?;
        let outcome = match provider.find(&payment.intent).await? {
            Some(outcome) => outcome,
            None => provider.charge(&payment.intent).await?,
        };
        self.settle(payment, &outcome).await
    }

    pub(super) async fn settle(&self, payment: Payment, outcome: &Outcome) -> Result<Payment, Error> {
        let Intent { order, transaction, attempt, .. } = payment.intent;
        let payment = self.payments.settle(&payment.intent, outcome).await?;
        self.relay.wake();
        let status = &payment.status;
        tracing::info!(order_uuid = %order, transaction_uuid = %transaction, attempt, ?status, "payment settled");
        if matches!(status, Status::Refunding { .. }) {
            self.refund_due.notify_one();
        }
        Ok(payment)
    }
}
