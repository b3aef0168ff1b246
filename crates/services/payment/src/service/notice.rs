//! Handles the provider's notices that a charge or a refund has changed. A notice only makes the service ask the
//! provider, whose answer alone counts. So notices may be repeated, late, or out of order.

use contracts::ids::TransactionId;
use uuid::Uuid;

use super::{PaymentService, partial_refund::provider_refund};
use crate::{
    client::Refund,
    error::Error,
    metrics,
    model::{PartialRefundStatus, Payment, RecordedRefund, RefundRequest, Status, refund_of_rest},
};

/// A refund that the provider has made, with the number of its request.
#[derive(Clone, Copy)]
enum Made {
    Part { refund: Uuid, number: u32 },
    Rest { number: u32 },
}

impl PaymentService {
    /// Makes the jobs ask the provider now about an unfinished payment and its unfinished partial refunds, and asks
    /// about the refunds that were made. Does nothing if the transaction is unknown: the provider's account may serve
    /// other systems too.
    pub async fn look_at(&self, transaction: TransactionId) -> Result<(), Error> {
        let Some(payment) = self.payments.get(transaction).await? else { return Ok(()) };
        if matches!(payment.status, Status::Pending { .. } | Status::Refunding { .. }) {
            self.payments.hurry(transaction).await?;
            self.refund_due.notify_one();
        }
        let parts = self.payments.refunds_of(transaction).await?;
        for part in parts.iter().filter(|part| !part.is_made()) {
            self.payments.hurry_partial_refund(part.refund.id()).await?;
            self.partial_refund_due.notify_one();
        }
        self.reopen_failed(&payment, &parts).await
    }

    /// Asks the provider about the refunds that were made. Counts, logs and reopens those that have failed since.
    async fn reopen_failed(&self, payment: &Payment, parts: &[RecordedRefund]) -> Result<(), Error> {
        let (made, refunds): (Vec<_>, Vec<_>) = made_refunds(payment, parts)?.into_iter().unzip();
        if refunds.is_empty() {
            return Ok(());
        }
        let stand = self.providers.get(payment.intent.provider)?.are_refunded(&refunds).await?;
        for ((made, refund), stands) in made.into_iter().zip(&refunds).zip(stand) {
            if stands {
                continue;
            }
            metrics::refund_failed();
            tracing::error!(
                order_uuid = %payment.intent.order,
                transaction_uuid = %refund.transaction,
                key = refund.key,
                "refund failed after it was made, requesting another"
            );
            self.reopen(payment.intent.transaction, made).await?;
        }
        Ok(())
    }

    async fn reopen(&self, transaction: TransactionId, made: Made) -> Result<(), Error> {
        match made {
            Made::Part { refund, number } => {
                self.payments.reopen_partial_refund(refund, number).await?;
                self.partial_refund_due.notify_one();
            }
            Made::Rest { number } => {
                self.payments.reopen_refund(transaction, number).await?;
                self.refund_due.notify_one();
            }
        }
        Ok(())
    }
}

/// Returns the refunds of a payment that were made, with their requests to the provider.
fn made_refunds(payment: &Payment, parts: &[RecordedRefund]) -> Result<Vec<(Made, Refund)>, Error> {
    let request = |number| RefundRequest { number, reference: None };
    let mut made = Vec::new();
    for RecordedRefund { refund, status, .. } in parts {
        if let PartialRefundStatus::Refunded { number } = *status {
            let part = Made::Part { refund: refund.id(), number };
            made.push((part, provider_refund(payment, refund, &request(number))?));
        }
    }
    if let Status::Refunded { number, .. } = payment.status {
        let id = refund_of_rest(payment.intent.transaction);
        made.push((Made::Rest { number }, Refund::new(payment, id, payment.left(), &request(number))?));
    }
    Ok(made)
}
