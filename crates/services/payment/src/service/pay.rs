//! Charges an order, at most once under retries and races: requests the charge, and settles its outcome when it is
//! known.

use std::time::Duration;

use contracts::ids::TransactionId;
use platform::{error_chain, jobs, outage::refused};
use tokio_util::sync::CancellationToken;

use super::{Charge, PaymentService};
use crate::{
    client::{ChargeError, Lookup, Unknown},
    error::Error,
    metrics,
    model::{ChargeOutcome, ChargeResult, ChargeState, Decline, Intent, Payment, Status, VoidResult},
    repository::{Begun, lease},
};

impl PaymentService {
    /// Charges an order. Returns the transaction that charged it: `transaction` if this call began the attempt, or that
    /// of an earlier call.
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

    /// Settles the existing payment if it is of the same attempt and pending. Does not change a payment of another
    /// attempt.
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

    /// Makes an attempt unable to charge: one that is not recorded yet is recorded as declined, with the id
    /// `transaction`. The result says whether the order is charged already, or a charge is in progress.
    pub async fn void(&self, charge: &Charge, transaction: TransactionId) -> Result<VoidResult, Error> {
        let payments = self.payments.void_attempt(&self.intent(charge, transaction)).await?;
        self.relay.wake();
        let result = VoidResult::from_payments(&payments);
        tracing::info!(order_uuid = %charge.order, attempt = charge.attempt, ?result, "void of an attempt requested");
        Ok(result)
    }

    /// Records the outcome, and counts the payment if this call recorded it first. Wakes the job that refunds if the
    /// order was cancelled meanwhile.
    async fn settle(&self, payment: Payment, outcome: &ChargeOutcome) -> Result<Payment, Error> {
        let Intent { order, transaction, attempt, .. } = payment.intent;
        let (payment, is_first) = self.payments.settle(&payment.intent, outcome).await?;
        let status = &payment.status;
        if is_first {
            metrics::settled(&payment);
            tracing::info!(order_uuid = %order, transaction_uuid = %transaction, attempt, ?status, "payment settled");
        }
        self.relay.wake();
        if matches!(status, Status::Refunding { .. }) {
            self.refund_due.notify_one();
        }
        Ok(payment)
    }
}

/// A charge is retried up to this age. Stripe remembers an idempotency key for 24 h from its first use. One hour is
/// left for calls in flight and for clock differences.
const MAX_RETRY_AGE: Duration = Duration::from_hours(23);
/// From this age on, a look-up that finds nothing proves that there is no charge. The last request was then an hour
/// ago, and Stripe's search finds a charge within a minute.
const FINAL_AGE: Duration = Duration::from_hours(24);

impl PaymentService {
    /// Looks up the charge of a payment whose outcome is unknown, and settles the payment. A charge that the provider
    /// does not have is retried under its idempotency key while the provider certainly remembers the key, and counts as
    /// declined from `FINAL_AGE` on.
    pub(super) async fn settle_unknown(&self, payment: Payment) -> Result<Payment, Error> {
        let Status::Pending { reference } = &payment.status else { return Ok(payment) };
        let provider = self.providers.get(payment.intent.provider)?;
        let state = match provider.find(&payment.intent, reference.as_deref()).await? {
            Lookup::Known(state) => state,
            lookup @ (Lookup::Absent | Lookup::Unsupported) => {
                let age = self.payments.age(payment.intent.transaction).await?;
                if age < MAX_RETRY_AGE {
                    return self.retry_charge(payment).await;
                } else if age >= FINAL_AGE && lookup == Lookup::Absent {
                    tracing::warn!(transaction_uuid = %payment.intent.transaction, "charge absent at the provider, attempt declined");
                    ChargeState::Settled(ChargeOutcome::Declined(Decline::Declined))
                } else {
                    return Err(undecided(&lookup).into());
                }
            }
        };
        self.record(payment, state).await
    }

    async fn retry_charge(&self, payment: Payment) -> Result<Payment, Error> {
        let transaction = payment.intent.transaction;
        if self.payments.count_request(transaction).await? {
            return self.request_charge(payment).await;
        }
        self.payments.get(transaction).await?.ok_or(Error::NotFound)
    }

    /// Requests the charge of a payment, whose request is counted, and records the response. If the provider refuses to
    /// execute the request and no other may have charged, the attempt ends as declined.
    async fn request_charge(&self, payment: Payment) -> Result<Payment, Error> {
        let error = match self.providers.get(payment.intent.provider)?.charge(&payment.intent).await {
            Ok(state) => return self.record(payment, state).await,
            Err(ChargeError::Unknown(unknown)) => return Err(unknown.into()),
            Err(ChargeError::Refused(error)) => error,
        };
        let (payment, is_ended) = self.payments.refuse(&payment.intent).await?;
        refused("payment provider refuses to charge", format!("{error:#}"));
        if is_ended {
            metrics::refused(&payment);
            self.relay.wake();
        }
        match payment.status {
            Status::Pending { .. } => Err(Unknown(error).into()),
            _ => Ok(payment),
        }
    }

    /// Records the state of a charge that the provider has reported. Fails while the outcome is unknown.
    async fn record(&self, payment: Payment, state: ChargeState) -> Result<Payment, Error> {
        let reference = match state {
            ChargeState::Settled(outcome) => return self.settle(payment, &outcome).await,
            ChargeState::Processing { reference } => reference,
        };
        self.payments.processing(payment.intent.transaction, &reference).await?;
        Err(Unknown(anyhow::anyhow!("the provider still processes the charge {reference}")).into())
    }
}

fn undecided(lookup: &Lookup) -> Unknown {
    Unknown(match lookup {
        Lookup::Unsupported => anyhow::anyhow!(
            "the provider has no search and may have forgotten the idempotency key: an operator must look the charge up"
        ),
        _ => anyhow::anyhow!("the charge is not at the provider; the attempt ends {FINAL_AGE:?} after it began"),
    })
}

const BATCH_SIZE: i64 = 16;
const MAX_CONCURRENT_PAYMENTS: usize = 64;

impl PaymentService {
    /// Finishes payments as they fall due, until `stop`. A payment is leased to one replica at a time, so all replicas
    /// may run this job.
    ///
    /// Payments are processed concurrently, those with the fewest tries first, so that calls that hang do not delay
    /// other payments.
    pub async fn finish_payments(&self, stop: CancellationToken) {
        let due = jobs::due("finisher", || self.payments.due(BATCH_SIZE), self.refund_due.clone(), stop);
        let finish = |(payment, tries)| self.try_to_finish(payment, tries);
        jobs::for_each(due, MAX_CONCURRENT_PAYMENTS, "finish payment", finish).await;
    }

    async fn try_to_finish(&self, payment: Payment, tries: u32) {
        let Intent { order, transaction, .. } = payment.intent;
        let Some(error) = failure(self.finish(payment, tries), lease(tries)).await else { return };
        tracing::warn!(order_uuid = %order, transaction_uuid = %transaction, error, "payment not finished, retrying");
    }
}

/// Runs `work` within its lease. Returns the error as text; `None` after a success.
pub(super) async fn failure(work: impl Future<Output = Result<(), Error>>, lease: Duration) -> Option<String> {
    match tokio::time::timeout(lease, work).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error_chain(error)),
        Err(_) => Some(format!("timed out after {lease:?}")),
    }
}

/// The maximum number of payments that are counted. A gauge that shows it means this many or more.
const MAX_COUNTED: i64 = 10_000;

impl PaymentService {
    pub async fn report_backlog(&self) {
        // The job `finish_payments` logs that the database is unavailable.
        if let Ok(unfinished) = self.payments.unfinished(MAX_COUNTED).await {
            metrics::backlog(unfinished);
        }
    }
}
