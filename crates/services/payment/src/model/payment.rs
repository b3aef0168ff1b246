//! A payment: the intent to charge an order, recorded before the provider is called, with its status; and direct
//! payments.

use chrono::{DateTime, Utc};
use contracts::{
    ids::{OrderId, TransactionId, UserId},
    money::Money,
};
use platform::auth::Author;
use uuid::{Builder, Uuid};

use super::{MAX_PARTIAL_REFUNDS, Method, ProviderName, RefundRefusal, Status};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Intent {
    /// The provider's idempotency key.
    pub transaction: TransactionId,
    pub order: OrderId,
    /// The number of this attempt among the order's attempts, from 1.
    pub attempt: u32,
    pub user: UserId,
    pub method: Method,
    pub amount: Money,
    pub provider: ProviderName,
}

impl Intent {
    /// Returns the first field in which another intent for the same attempt differs from this one.
    pub fn difference(&self, other: &Self) -> Option<&'static str> {
        if self.user != other.user {
            Some("user_uuid")
        } else if self.method != other.method {
            Some("payment_method")
        } else if self.amount != other.amount {
            Some("amount_minor")
        } else {
            None
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Payment {
    pub intent: Intent,
    pub status: Status,
    /// True once the order is cancelled.
    pub cancelled: bool,
    /// The sum of the partial refunds, whether made or not.
    pub partially_refunded: Money,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Payment {
    /// Returns true if no other attempt may charge the order: the order is cancelled, or this attempt has charged it or
    /// may still do so.
    pub fn blocks_attempts(&self) -> bool {
        self.cancelled || !matches!(self.status, Status::Declined(_))
    }

    /// Returns what is left of the charge after all partial refunds. The refund of a cancelled order gives this back.
    pub fn left(&self) -> Money {
        let left = self.intent.amount.minor() - self.partially_refunded.minor();
        // No row of `payments` gives back more than its charge.
        Money::from_minor(left).unwrap_or(Money::ZERO)
    }

    /// Returns true if this user pays. An operator gives nothing back to themselves.
    pub fn is_of(&self, author: &Author) -> bool {
        author.is_user(self.intent.user.uuid())
    }

    /// Fails with the reason for which a partial refund gives nothing back, if there is one. `refunds` is the number of
    /// the partial refunds so far.
    ///
    /// The statement of `add_refund` in `repository/postgres/refunds.rs` repeats this rule, because it must
    /// decide while it locks the payment.
    pub fn check_refund(&self, amount: Money, refunds: usize) -> Result<(), RefundRefusal> {
        let left = self.left();
        if !matches!(self.status, Status::Succeeded { .. }) {
            Err(RefundRefusal::NotCharged)
        } else if amount > left {
            Err(RefundRefusal::TooLarge { left: left.minor() })
        } else if refunds >= MAX_PARTIAL_REFUNDS {
            Err(RefundRefusal::TooMany)
        } else {
            Ok(())
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission<'a> {
    Admitted,
    /// The attempt is not admitted because of this payment: the attempt itself, recorded already, or another attempt
    /// that blocks it.
    Existing(&'a Payment),
    Cancelled,
}

impl<'a> Admission<'a> {
    /// Decides whether `attempt` is admitted, given all payments of its order. `void` is true if the order was
    /// cancelled before any charge.
    pub fn decide(payments: impl IntoIterator<Item = &'a Payment>, void: bool, attempt: u32) -> Self {
        let same = |payment: &Payment| payment.intent.attempt == attempt;
        let blocking = payments.into_iter().filter(|payment| same(payment) || payment.blocks_attempts());
        match blocking.max_by_key(|payment| same(payment)) {
            Some(payment) if same(payment) || !payment.cancelled => Self::Existing(payment),
            Some(_) => Self::Cancelled,
            None if void => Self::Cancelled,
            None => Self::Admitted,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VoidResult {
    /// The attempt has charged nothing and never will.
    Voided,
    /// This transaction has charged the order already.
    AlreadyCharged(TransactionId),
    /// A charge of the order is in progress; its outcome is unknown.
    InProgress,
}

impl VoidResult {
    /// Derives the result from all payments of the order, including the one of the attempt.
    pub fn from_payments<'a>(payments: impl IntoIterator<Item = &'a Payment>) -> Self {
        let mut result = Self::Voided;
        for payment in payments {
            match payment.status {
                Status::Succeeded { .. } => return Self::AlreadyCharged(payment.intent.transaction),
                Status::Pending { .. } => result = Self::InProgress,
                Status::Declined(_) | Status::Refunding { .. } | Status::Refunded { .. } => {}
            }
        }
        result
    }
}

/// Returns the transaction of a user's direct payment of an order. It is derived from the two ids, so that a retry gets
/// the same transaction although nothing is stored. It has the form of a random (v4) UUID, as the contract requires.
pub fn direct_payment(order: OrderId, user: UserId) -> TransactionId {
    let derived = Uuid::new_v5(&user.uuid(), order.uuid().as_bytes());
    TransactionId::new(Builder::from_random_bytes(*derived.as_bytes()).into_uuid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_order_and_user_have_a_transaction_of_their_own() {
        let id = Uuid::from_u128;
        let of = |order, user| direct_payment(OrderId::new(id(order)), UserId::new(id(user)));

        assert_eq!(of(1, 2), of(1, 2));
        assert_ne!(of(1, 2), of(1, 3));
        assert_ne!(of(1, 2), of(2, 2));
        assert_ne!(of(1, 2), of(2, 1));
        assert_eq!(of(1, 2).uuid().get_version_num(), 4);
    }
}
