//! Finishes one payment: settles an unknown outcome and executes the refund if one is due.

use contracts::money::Money;

use super::PaymentService;
use crate::{
    client::{Refund, Unknown},
    error::Error,
    metrics,
    model::{Intent, Payment, RefundRequest, RefundState, Status, refund_of_rest},
};

impl PaymentService {
    /// Settles the payment if it is pending, then refunds it if a refund is due. `tries` is how often it was leased before.
    pub(super) async fn finish(&self, payment: Payment, tries: u32) -> Result<(), Error> {
        let payment = self.settle_unknown(payment).await?;
        match payment.status {
            Status::Refunding { ref request, .. } => self.make_refund(&payment, request, tries).await,
            _ => Ok(()),
        }
    }

    /// Requests the refund of the rest of a charge, or asks for the state of the requested refund. Fails until the
    /// refund is made.
    async fn make_refund(&self, payment: &Payment, request: &RefundRequest, tries: u32) -> Result<(), Error> {
        let Intent { order, transaction, .. } = payment.intent;
        let refund = Refund::new(payment, refund_of_rest(transaction), payment.left(), request)?;
        let state = self.ask_for_refund(payment, &refund).await?;
        let Some(next) = request.next(&state) else {
            self.payments.refunded(transaction, request).await?;
            tracing::info!(order_uuid = %order, transaction_uuid = %transaction, "payment refunded");
            return Ok(());
        };
        self.payments.continue_refund(transaction, request, &next, request.pause(&state, tries)).await?;
        Err(not_made(&refund, &state))
    }

    /// Requests a refund from the provider, or asks for the state of the requested refund. A refund of nothing needs no
    /// provider.
    pub(super) async fn ask_for_refund(&self, payment: &Payment, refund: &Refund) -> Result<RefundState, Error> {
        if refund.amount == Money::ZERO {
            return Ok(RefundState::Refunded);
        }
        Ok(self.providers.get(payment.intent.provider)?.refund(refund).await?)
    }
}

/// Returns the error for a refund that is not made yet. Counts and logs it if its latest request has failed.
pub(super) fn not_made(refund: &Refund, state: &RefundState) -> Error {
    if *state == RefundState::Failed {
        metrics::refund_failed();
        tracing::error!(transaction_uuid = %refund.transaction, key = refund.key, "refund failed");
    }
    Unknown(anyhow::anyhow!("the refund {} is not made yet: {state:?}", refund.key)).into()
}
