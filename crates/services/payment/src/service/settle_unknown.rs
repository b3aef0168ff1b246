//! Settles a payment whose outcome is unknown: asks the provider for the outcome first.

use std::time::Duration;

use platform::outage::refused;

use super::PaymentService;
use crate::{
    client::{ChargeError, Lookup, Unknown},
    error::Error,
    metrics,
    model::{ChargeState, Decline, Outcome, Payment, Status},
};

/// The age up to which a charge is repeated. Stripe remembers an idempotency key for 24 h from its first use. One hour
/// is left for calls in flight and for clock differences.
const MAX_REPEAT_AGE: Duration = Duration::from_hours(23);
/// The age from which a look-up that finds nothing proves that there is no charge. The last request was then an hour
/// ago, and Stripe's search finds a charge within a minute.
const FINAL_AGE: Duration = Duration::from_hours(24);

impl PaymentService {
    /// Looks up the charge of a payment whose outcome is unknown, and settles the payment. A charge that the provider
    /// does not have is repeated under its idempotency key while the provider certainly remembers the key, and counts
    /// as declined from `FINAL_AGE` on.
    pub(super) async fn settle_unknown(&self, payment: Payment) -> Result<Payment, Error> {
        let Status::Pending { reference } = &payment.status else { return Ok(payment) };
        let provider = self.providers.get(payment.intent.provider)?;
        let state = match provider.find(&payment.intent, reference.as_deref()).await? {
            Lookup::Known(state) => state,
            lookup @ (Lookup::Absent | Lookup::Unsupported) => {
                let age = self.payments.age(payment.intent.transaction).await?;
                if age < MAX_REPEAT_AGE {
                    return self.repeat_charge(payment).await;
                } else if age >= FINAL_AGE && lookup == Lookup::Absent {
                    tracing::warn!(transaction_uuid = %payment.intent.transaction, "charge absent at the provider, attempt declined");
                    ChargeState::Settled(Outcome::Declined(Decline::Declined))
                } else {
                    return Err(undecided(&lookup).into());
                }
            }
        };
        self.record(payment, state).await
    }

    async fn repeat_charge(&self, payment: Payment) -> Result<Payment, Error> {
        let transaction = payment.intent.transaction;
        if self.payments.count_request(transaction).await? {
            return self.request_charge(payment).await;
        }
        self.payments.get(transaction).await?.ok_or(Error::NotFound)
    }

    /// Requests the charge of a payment, whose request is counted, and records the answer. If the provider refuses to execute the
    /// request and no other may have charged, the attempt ends as declined.
    pub(super) async fn request_charge(&self, payment: Payment) -> Result<Payment, Error> {
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

    /// Records the provider's answer about a charge. Fails while the outcome is unknown.
    pub(super) async fn record(&self, payment: Payment, state: ChargeState) -> Result<Payment, Error> {
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
