//! Shows the payment of an order.

use chrono::{DateTime, Utc};
use contracts::ids::{OrderId, TransactionId, UserId};
use contracts::money::Money;

use super::OrderService;
use crate::{
    error::Error,
    model::{Payment, PaymentMethod, PaymentStatus},
};

/// The payment of an order: the attempt that was not declined, otherwise the latest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderPayment {
    pub order: OrderId,
    pub status: PaymentStatus,
    pub amount: Money,
    pub method: PaymentMethod,
    /// None for an attempt that has not reached payment.
    pub transaction: Option<TransactionId>,
    /// Once charged.
    pub paid_at: Option<DateTime<Utc>>,
}

impl OrderService {
    /// [`Error::PaymentNotFound`] before the first attempt, and while payment was not asked for any.
    pub async fn payment(&self, user: UserId, order: OrderId) -> Result<OrderPayment, Error> {
        let found = self.find(user, order).await?;
        if found.attempts == 0 {
            return Err(Error::PaymentNotFound(order));
        }
        let known = self.payments.find(order).await?;
        let open = found.attempt;
        // The open attempt is later than one that payment has declined.
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
}
