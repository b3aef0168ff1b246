//! Returns the payment of an order.

use chrono::{DateTime, Utc};
use contracts::ids::{OrderId, TransactionId, UserId};
use contracts::money::Money;

use super::{Answer, OrderService, StatusRequest};
use crate::{
    error::Error,
    model::{Order, Payment, PaymentMethod, PaymentStatus, Status},
    repository::{StatusKey, StatusKind},
};

/// The payment of an order: the attempt that was not declined, or else the latest attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderPayment {
    pub order: OrderId,
    pub status: PaymentStatus,
    pub amount: Money,
    pub method: PaymentMethod,
    /// `None` if the attempt has not reached the payment service.
    pub transaction: Option<TransactionId>,
    /// The time at which the payment service recorded the attempt, or `None` if the order was not charged.
    pub paid_at: Option<DateTime<Utc>>,
}

impl OrderService {
    /// Returns the payment of an order. Fails with [`Error::PaymentNotFound`] before the first attempt, and if no attempt is in progress
    /// and none has reached the payment service.
    pub async fn payment(&self, user: UserId, order: OrderId) -> Result<OrderPayment, Error> {
        let found = self.find(user, order).await?;
        if found.attempts == 0 {
            return Err(Error::PaymentNotFound(order));
        }
        let request = StatusRequest {
            key: StatusKey { kind: StatusKind::Payment, order },
            owner: user,
            least_version: self.least_version(&found).await?,
        };
        let is_built = found.status == Status::Assembled;
        let known = self
            .statuses
            .answer(request, |known: &Payment| known.is_final(is_built), self.payments.find(order))
            .await?;
        let open = found.attempt;
        // A declined payment is ignored if a later attempt is open.
        let known =
            known.filter(|known| !known.status.is_declined() || open.is_none_or(|open| open.number <= known.attempt));
        let amount = found.total_price;
        match (known, open) {
            (Some(Payment { status, method, transaction, created_at, .. }), _) => {
                let paid_at = status.is_charged().then_some(created_at);
                Ok(OrderPayment { order, status, amount, method, transaction: Some(transaction), paid_at })
            }
            (None, Some(attempt)) => {
                let (status, method) = (PaymentStatus::Pending, attempt.method);
                Ok(OrderPayment { order, status, amount, method, transaction: None, paid_at: None })
            }
            (None, None) => Err(Error::PaymentNotFound(order)),
        }
    }

    /// Returns the lowest version at which a cached response is up to date. Such a response has the charge of a paid
    /// order, else the attempt in progress, else the last declined attempt; an abandoned attempt never reached the
    /// payment service. No response is cached for an attempt that has not reached that service yet.
    async fn least_version(&self, order: &Order) -> Result<u64, Error> {
        Ok(match (order.payment, order.attempt) {
            (Some(_), _) => version(order.attempts, PaymentStatus::Success),
            (None, Some(open)) => version(open.number, PaymentStatus::Pending),
            (None, None) => {
                let declined = self.checkouts.details(order.uuid).await?.declined;
                declined.map_or(0, |(attempt, _)| version(attempt, PaymentStatus::Failed))
            }
        })
    }
}

fn version(attempt: i32, status: PaymentStatus) -> u64 {
    let step = match status {
        PaymentStatus::Pending => 0,
        PaymentStatus::InsufficientFunds | PaymentStatus::Failed => 1,
        PaymentStatus::Success => 2,
        PaymentStatus::Refunded => 3,
    };
    4 * u64::try_from(attempt).unwrap_or_default() + step
}

impl Answer for Payment {
    fn version(&self) -> u64 {
        version(self.attempt, self.status)
    }
}

impl Payment {
    /// Returns true if the payment cannot change any more. A charge is refunded only before the ship is built.
    const fn is_final(&self, is_built: bool) -> bool {
        match self.status {
            PaymentStatus::Refunded => true,
            PaymentStatus::Success => is_built,
            PaymentStatus::Pending | PaymentStatus::InsufficientFunds | PaymentStatus::Failed => false,
        }
    }
}
