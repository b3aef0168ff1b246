//! Settles a payment whose outcome is unknown: asks the provider for the outcome first.

use super::PaymentService;
use crate::{error::Error, model::Payment};

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
}
