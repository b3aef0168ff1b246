//! A payment: one attempt to charge an order, and what was given back of it.

use chrono::{DateTime, Utc};
use contracts::money::Money;
use platform::auth::Author;

use super::{Intent, MAX_PARTIAL_REFUNDS, RefundRefusal, Status};

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
    /// Returns true if no other attempt may charge the order: the order is cancelled, or this attempt has charged it or may still do so.
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
    /// The statement of `add_refund` in `repository/postgres/partial_refunds.rs` repeats this rule, because it must
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
