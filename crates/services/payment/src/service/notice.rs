//! The provider's notice that a charge or a refund has changed. The notice is only a reason to ask the provider, whose answer alone counts.
//! So a notice may be repeated, late, or out of order.

use contracts::ids::TransactionId;

use super::{PaymentService, partial_refund::provider_refund};
use crate::{
    client::Refund,
    error::Error,
    metrics,
    model::{PartialRefundStatus, Payment, RefundRequest, Status, refund_of_rest},
};

impl PaymentService {
    /// Asks the provider about a payment and its partial refunds now. Does nothing if the transaction is unknown: the provider's account
    /// may serve other systems, too.
    pub async fn look_at(&self, transaction: TransactionId) -> Result<(), Error> {
        let Some(payment) = self.payments.get(transaction).await? else { return Ok(()) };
        self.look_at_partial_refunds(&payment).await?;
        match &payment.status {
            Status::Pending { .. } | Status::Refunding { .. } => self.payments.hurry(transaction).await?,
            Status::Refunded { number, .. } => {
                let request = RefundRequest { number: *number, reference: None };
                let refund = Refund::new(&payment, refund_of_rest(transaction), payment.left(), &request)?;
                if self.stands(&payment, &refund).await? {
                    return Ok(());
                }
                self.payments.reopen_refund(transaction, *number).await?;
            }
            Status::Succeeded { .. } | Status::Declined(_) => return Ok(()),
        }
        self.refund_due.notify_one();
        Ok(())
    }

    async fn look_at_partial_refunds(&self, payment: &Payment) -> Result<(), Error> {
        for recorded in self.payments.refunds_of(payment.intent.transaction).await? {
            let id = recorded.refund.id();
            match recorded.status {
                PartialRefundStatus::Refunding(_) => self.payments.hurry_partial_refund(id).await?,
                PartialRefundStatus::Refunded { number } => {
                    let request = RefundRequest { number, reference: None };
                    if self.stands(payment, &provider_refund(payment, &recorded.refund, &request)?).await? {
                        continue;
                    }
                    self.payments.reopen_partial_refund(id, number).await?;
                }
            }
            self.partial_refund_due.notify_one();
        }
        Ok(())
    }

    /// Returns true if a refund that was made has not failed since. Counts and logs a refund that has.
    async fn stands(&self, payment: &Payment, refund: &Refund) -> Result<bool, Error> {
        let stands = self.providers.get(payment.intent.provider)?.is_refunded(refund).await?;
        if !stands {
            metrics::refund_failed();
            tracing::error!(
                order_uuid = %payment.intent.order,
                transaction_uuid = %refund.transaction,
                key = refund.key,
                "refund failed after it was made, requesting another"
            );
        }
        Ok(stands)
    }
}
