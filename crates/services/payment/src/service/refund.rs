//! Refunds the charges of cancelled orders and, for operators, parts of charges. A refund that failed after it was made
//! is requested again.

use contracts::{
    events::Cause,
    ids::{OrderId, TransactionId},
    money::Money,
};
use platform::jobs;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{PaymentService, pay::failure};
use crate::{
    client::{Refund, Unknown},
    error::Error,
    metrics,
    model::{
        Intent, PartialRefund, PartialRefundStatus, Payment, RecordedRefund, RefundRefusal, RefundRequest, RefundState,
        Status, refund_of_rest,
    },
    repository::lease,
};

impl PaymentService {
    pub async fn cancel(&self, cause: Cause, order: OrderId) -> Result<(), Error> {
        if self.payments.cancel(order, Some(cause)).await? {
            self.refund_due.notify_one();
        }
        Ok(())
    }

    /// Refunds the order's charge, if it has one. Returns once the refund is recorded.
    ///
    /// Fails until the event `OrderCancelled` has cancelled the order; no call cancels one.
    pub async fn refund(&self, order: OrderId) -> Result<(), Error> {
        if !self.payments.is_cancelled(order).await? {
            return Err(Error::NotCancelled(order));
        }
        match self.payments.find(order).await? {
            Some(payment) => self.finish(payment, 0).await,
            None => Ok(()),
        }
    }

    /// Settles the payment if it is pending, then refunds it if a refund is due. `tries` is the number of its earlier
    /// leases.
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
        self.payments.continue_refund(transaction, request, &next, request.backoff(&state, tries)).await?;
        Err(not_made(&refund, &state))
    }

    /// Requests a refund from the provider, or asks for the state of the requested refund. A refund of nothing needs no
    /// provider.
    async fn ask_for_refund(&self, payment: &Payment, refund: &Refund) -> Result<RefundState, Error> {
        if refund.amount == Money::ZERO {
            return Ok(RefundState::Refunded);
        }
        Ok(self.providers.get(payment.intent.provider)?.refund(refund).await?)
    }
}

/// Returns the error for a refund that is not made yet. Counts and logs it if its latest request has failed.
fn not_made(refund: &Refund, state: &RefundState) -> Error {
    if *state == RefundState::Failed {
        metrics::refund_failed();
        tracing::error!(transaction_uuid = %refund.transaction, key = refund.key, "refund failed");
    }
    Unknown(anyhow::anyhow!("the refund {} is not made yet: {state:?}", refund.key)).into()
}

const BATCH_SIZE: i64 = 16;
const MAX_CONCURRENT_REFUNDS: usize = 16;

/// The payment of a partial refund, and whether the refund is made.
pub struct Refunded {
    pub payment: Payment,
    pub is_made: bool,
}

impl PaymentService {
    /// Refunds a part of an order's charge, once per order and reference.
    ///
    /// This call makes the recorded refund if the provider responds; otherwise
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

    /// Makes partial refunds as they fall due, until `stop`. A refund is leased to one replica at a time, so all
    /// replicas may run this job.
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

    /// Requests a partial refund, or asks for the state of the requested refund. Fails until the refund is made.
    /// `tries` is the number of its earlier leases.
    async fn make_partial_refund(&self, payment: &Payment, recorded: &RecordedRefund, tries: u32) -> Result<(), Error> {
        let PartialRefundStatus::Refunding(request) = &recorded.status else { return Ok(()) };
        let refund = provider_refund(payment, &recorded.refund, request)?;
        let state = self.ask_for_refund(payment, &refund).await?;
        let backoff = request.backoff(&state, tries);
        self.payments.record_refund(recorded.refund.id(), request, &state, backoff).await?;
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

fn provider_refund(payment: &Payment, refund: &PartialRefund, request: &RefundRequest) -> Result<Refund, Error> {
    Ok(Refund::new(payment, refund.id().to_string(), refund.amount, request)?)
}

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
        let checked = self.providers.get(payment.intent.provider)?.are_refunded(&refunds).await?;
        for ((made, refund), is_refunded) in made.into_iter().zip(&refunds).zip(checked) {
            if is_refunded {
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
