//! Records a direct payment by a user.

use contracts::ids::TransactionId;

use super::PaymentService;
use crate::{error::Error, model::DirectPayment};

impl PaymentService {
    /// Records a direct payment and charges nothing. A repeated request returns the transaction of the first.
    pub async fn pay_directly(&self, direct: &DirectPayment) -> Result<TransactionId, Error> {
        self.direct_payments.record(direct).await
    }
}
