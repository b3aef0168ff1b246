//! Refunds parts of charges on behalf of operators.

use platform::jobs;
use tokio_util::sync::CancellationToken;

use super::{PaymentService, finish_payment::not_made, finish_payments::failure};
use crate::{
    client::Refund,
    error::Error,
    model::{PartialRefund, PartialRefundStatus, Payment, RecordedRefund, RefundRefusal, RefundRequest},
    repository::lease,
};

/// The maximum number of refunds that one statement takes.
const BATCH_SIZE: i64 = 16;
/// The maximum number of refunds that one replica requests concurrently.
const MAX_CONCURRENT_REFUNDS: usize = 16;

/// The payment of a partial refund, and whether the refund is made.
pub struct Refunded {
    pub payment: Payment,
    pub is_made: bool,
}

impl PaymentService {
    /// Refunds a part of an order's charge, once per order and reference.
    ///
    /// This call makes the recorded refund if the provider answers; otherwise
    /// [`finish_partial_refunds`](Self::finish_partial_refunds) makes it.
    pub async fn refund_partially(&self, refund: &PartialRefund) -> Result<Refunded, Error> {
        // The payer of an order never changes, so this read need not be in the statement that adds the refund.
        if self.payments.find(refund.order).await?.is_some_and(|payment| payment.is_of(&refund.decided_by)) {
            return Err(Error::SelfDealing);
        }
        let Some(recorded) = self.payments.add_refund(refund).await? else {
            return Err(self.why_not_refunded(refund).await?);
        };
        if let Some(field) = recorded.refund.difference(refund) {
            return Err(Error::AnotherRefund(field));
        }
        let payment = self.payments.get(recorded.transaction).await?.ok_or(Error::NotFound)?;
        let is_made = match self.make_partial_refund(&payment, &recorded, 0).await {
            Ok(()) => true,
            Err(Error::Unknown(_)) => false,
            Err(error) => return Err(error),
        };
        Ok(Refunded { payment, is_made })
    }

    /// Makes partial refunds as they fall due, until `stop`. A refund is leased to one replica at a time, so all replicas may run this job.
    pub async fn finish_partial_refunds(&self, stop: CancellationToken) {
        let due = jobs::due("refunds", || self.payments.due_refunds(BATCH_SIZE), self.partial_refund_due.clone(), stop);
        let finish = |(refund, tries)| self.try_to_make(refund, tries);
        jobs::for_each(due, MAX_CONCURRENT_REFUNDS, "finish refund", finish).await;
    }

    async fn try_to_make(&self, recorded: RecordedRefund, tries: u32) {
        let (order, transaction) = (recorded.refund.order, recorded.transaction);
        let make = async {
            let payment = self.payments.get(transaction).await?.ok_or(Error::NotFound)?;
            self.make_partial_refund(&payment, &recorded, tries).await
        };
        let Some(error) = failure(make, lease(tries)).await else { return };
        tracing::warn!(order_uuid = %order, transaction_uuid = %transaction, error, "partial refund not made, retrying");
    }

    /// Requests a partial refund, or asks for the state of the requested refund. Fails until the refund is made. `tries` is how often it was
    /// leased before.
    async fn make_partial_refund(&self, payment: &Payment, recorded: &RecordedRefund, tries: u32) -> Result<(), Error> {
        let PartialRefundStatus::Refunding(request) = &recorded.status else { return Ok(()) };
        let refund = provider_refund(payment, &recorded.refund, request)?;
        let state = self.ask_for_refund(payment, &refund).await?;
        let pause = request.pause(&state, tries);
        self.payments.record_refund(recorded.refund.id(), request, &state, pause).await?;
        if request.next(&state).is_some() {
            return Err(not_made(&refund, &state));
        }
        let (order, transaction) = (recorded.refund.order, recorded.transaction);
        tracing::info!(order_uuid = %order, transaction_uuid = %transaction, key = refund.key, "partial refund made");
        Ok(())
    }

    async fn why_not_refunded(&self, refund: &PartialRefund) -> Result<Error, Error> {
        let Some(payment) = self.payments.find(refund.order).await? else { return Ok(Error::NotFound) };
        let refunds = self.payments.refunds_of(payment.intent.transaction).await?.len();
        let refusal = payment.check_refund(refund.amount, refunds).err();
        // The store counts refunds that cannot be decoded, which the list lacks.
        Ok(refusal.unwrap_or(RefundRefusal::TooMany).into())
    }
}

pub(super) fn provider_refund(
    payment: &Payment,
    refund: &PartialRefund,
    request: &RefundRequest,
) -> Result<Refund, Error> {
    Ok(Refund::new(payment, refund.id().to_string(), refund.amount, request)?)
}
