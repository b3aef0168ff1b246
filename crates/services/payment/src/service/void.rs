//! Voids an attempt to charge an order. The attempt then never charges the order, unless its charge has already begun.

use contracts::ids::TransactionId;

use super::{Charge, PaymentService};
use crate::{error::Error, model::VoidResult};

impl PaymentService {
    /// An attempt that is not recorded yet is recorded as declined, with the id `transaction`.
    pub async fn void(&self, charge: &Charge, transaction: TransactionId) -> Result<VoidResult, Error> {
        let payments = self.payments.void_attempt(&self.intent(charge, transaction)).await?;
        self.relay.wake();
        let result = VoidResult::from_payments(&payments);
        tracing::info!(order_uuid = %charge.order, attempt = charge.attempt, ?result, "void of an attempt requested");
        Ok(result)
    }
}
