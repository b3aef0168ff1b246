//! The provider's notice that a charge or a refund has changed. It is only a reason to look: what the provider answers when it is asked
//! counts. So a notice may be repeated, late, or out of order.

use contracts::ids::TransactionId;

use super::PaymentService;
use crate::{error::Error, metrics, model::Status};

impl PaymentService {
    /// Looks at a payment now. Does nothing if the transaction is unknown: the provider's account may serve others, too.
    pub async fn look_at(&self, transaction: TransactionId) -> Result<(), Error> {
        let Some(payment) = self.payments.get(transaction).await? else { return Ok(()) };
        match &payment.status {
            Status::Pending { .. } | Status::Refunding { .. } => self.payments.hurry(transaction).await?,
            Status::Refunded { reference, number } => {
                let provider = self.providers.get(payment.intent.provider)?;
                if provider.is_refunded(reference, payment.intent.amount).await? {
                    return Ok(());
                }
                metrics::refund_failed();
                tracing::error!(
                    order_uuid = %payment.intent.order,
                    transaction_uuid = %transaction,
                    "refund failed after it was made, requesting another"
                );
                self.payments.reopen_refund(transaction, *number).await?;
            }
            Status::Succeeded { .. } | Status::Declined(_) => return Ok(()),
        }
        self.refund_due.notify_one();
        Ok(())
    }
}
