//! Charges an order, at most once under retries and races.

use contracts::ids::TransactionId;

use super::{Charge, PaymentService};
use crate::{
    error::Error,
    model::{ChargeResult, Intent, Payment, Status},
    repository::Begun,
};

impl PaymentService {
    /// Charges an order. Returns the transaction that charged it: `transaction` if this call began the attempt, or that of an earlier call.
    ///
    /// Every attempt to charge an order must charge the same user as the first attempt.
    pub async fn pay(&self, charge: &Charge, transaction: TransactionId) -> Result<TransactionId, Error> {
        let intent = self.intent(charge, transaction);
        self.check_payer(&intent).await?;
        let payment = match self.payments.begin(&intent).await? {
            Begun::New(payment) => self.request_charge(payment).await?,
            Begun::Existing(payment) => self.resume(payment, &intent).await?,
            Begun::Cancelled => return Err(Error::Cancelled),
        };
        match payment.status.charge_result() {
            ChargeResult::Charged => Ok(payment.intent.transaction),
            ChargeResult::Declined(decline) => Err(Error::Declined(decline)),
            ChargeResult::Cancelled => Err(Error::Cancelled),
            ChargeResult::InProgress => Err(Error::InProgress),
        }
    }

    /// Fails if an earlier attempt of the order charged another user.
    async fn check_payer(&self, intent: &Intent) -> Result<(), Error> {
        let is_first = intent.attempt == 1;
        let earlier = if is_first { None } else { self.payments.find(intent.order).await? };
        match earlier {
            Some(earlier) if earlier.intent.user != intent.user => Err(Error::AnotherPayer),
            _ => Ok(()),
        }
    }

    /// Settles the existing payment if it is of the same attempt and pending. Does not change a payment of another attempt.
    async fn resume(&self, payment: Payment, intent: &Intent) -> Result<Payment, Error> {
        if payment.intent.attempt != intent.attempt {
            return Ok(payment);
        }
        match payment.intent.difference(intent) {
            Some(field) => Err(Error::Differs(field)),
            None if matches!(payment.status, Status::Pending { .. }) => self.settle_unknown(payment).await,
            None => Ok(payment),
        }
    }
}
