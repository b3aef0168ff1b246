//! Finds the payment of an order.

use contracts::ids::OrderId;
use platform::auth::Caller;

use super::PaymentService;
use crate::{error::Error, model::Payment};

impl PaymentService {
    /// Returns an order's payment. A user may read only their own payments; a service may read any.
    pub async fn find(&self, caller: &Caller, order: OrderId) -> Result<Payment, Error> {
        let payment = self.payments.find(order).await?;
        payment.filter(|payment| caller.admits(payment.intent.user.uuid())).ok_or(Error::NotFound)
    }
}
