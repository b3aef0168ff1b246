//! Attempts that end without a charge. The parts of their orders count as unpaid again.

use platform::{error_chain, outage::refused};

use super::OrderService;
use crate::{
    error::{Error, Refusal},
    model::{AttemptLease, Confirmation, Order, Outcome, Status},
    repository::Settlement,
};

impl OrderService {
    pub(super) async fn declined(
        &self,
        order: &Order,
        lease: AttemptLease,
        refusal: Refusal,
    ) -> Result<Outcome, Error> {
        let outcome = Outcome::Refused(refusal.clone());
        if self.settle(order, &lease, &Settlement::Declined(refusal.clone()), Some(&outcome)).await? {
            tracing::info!(order_uuid = %order.uuid, attempt = lease.attempt.number, reason = %refusal, "payment declined");
            self.hold(order).await;
        } else if self.find(order.user, order.uuid).await?.status == Status::Cancelled {
            // A process that voided the attempt has cancelled the order and stored that outcome under the key.
            return Err(Error::PaymentOutcomeUnknown);
        }
        // Otherwise the payment service's event or another process has ended the attempt with the same result.
        Err(refusal.into())
    }

    /// Ends an attempt whose request to the payment service was not executed, unless another process may have requested the charge.
    pub(super) async fn not_asked(
        &self,
        order: &Order,
        lease: AttemptLease,
        problem: String,
    ) -> Result<Outcome, Error> {
        // This process is where it would be if it had not confirmed the reservation: it has requested no charge.
        let step = lease.after_confirmation(Confirmation::Unknown);
        let error = Error::Unavailable("payment", anyhow::anyhow!(problem));
        let ended = self.give_up(order.clone(), lease, step, error).await;
        if matches!(ended, Err(Error::Unavailable(..))) {
            self.hold(order).await;
        }
        ended
    }

    /// Makes the parts of an order that was not charged count as unpaid again. If that fails, they count when the next payment is
    /// declined.
    async fn hold(&self, order: &Order) {
        if let Err(error) = self.inventory.reserve(order.uuid, order.user, &order.quantities(), false).await {
            refused(
                "parts of an order that was not charged stay confirmed",
                format!("order {}: {}", order.uuid, error_chain(error)),
            );
        }
    }
}
