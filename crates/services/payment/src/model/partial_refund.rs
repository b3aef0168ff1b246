//! A partial refund: a part of a charge that an operator gives back. The order keeps its status.

use contracts::{
    ids::{OrderId, TransactionId},
    money::Money,
};
use platform::auth::Author;
use uuid::Uuid;

use super::{Reference, RefundRequest, RefundState, named::named};

named!(
    /// The reason of a partial refund.
    RefundReason {
        /// The customer has returned the ship.
        Return = "RETURN",
        Goodwill = "GOODWILL",
    }
);

/// A request to refund a part of an order's charge, executed once per order and reference.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PartialRefund {
    pub order: OrderId,
    pub reference: Reference,
    pub amount: Money,
    pub reason: RefundReason,
    /// The operator of the first request. A retry by another operator is the same refund.
    pub decided_by: Author,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RecordedRefund {
    pub refund: PartialRefund,
    /// The transaction of the charge.
    pub transaction: TransactionId,
    pub status: PartialRefundStatus,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PartialRefundStatus {
    Refunding(RefundRequest),
    Refunded {
        /// The number of the request that the provider has made.
        number: u32,
    },
}

/// The maximum number of partial refunds of a charge. Concurrent calls may exceed it by their number. Stripe lists at
/// most 100 refunds in one response.
pub const MAX_PARTIAL_REFUNDS: usize = 50;

/// The reason for which a partial refund is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefundRefusal {
    /// The order was not charged, or its charge is refunded as a whole, so nothing can be given back.
    #[error("the order has no charge to refund")]
    NotCharged,
    #[error("amount_minor: must be at most {left}, the rest of the charge")]
    TooLarge { left: i64 },
    #[error("the charge already has the maximum of {MAX_PARTIAL_REFUNDS} partial refunds")]
    TooMany,
}

impl PartialRefund {
    /// Returns the id, which is derived from the order and the reference.
    pub fn id(&self) -> Uuid {
        Uuid::new_v5(&self.order.uuid(), self.reference.as_str().as_bytes())
    }

    /// Returns the first field in which another refund with the same reference differs from this one.
    pub fn difference(&self, other: &Self) -> Option<&'static str> {
        if self.amount != other.amount {
            return Some("amount_minor");
        }
        (self.reason != other.reason).then_some("reason")
    }
}

impl RecordedRefund {
    pub fn is_made(&self) -> bool {
        matches!(self.status, PartialRefundStatus::Refunded { .. })
    }
}

impl PartialRefundStatus {
    pub const NEW: Self = Self::Refunding(RefundRequest::FIRST);

    /// Returns the status after the provider's response to `request`. The status is unchanged if another request is the
    /// latest.
    #[must_use]
    pub fn after(self, request: &RefundRequest, state: &RefundState) -> Self {
        match self {
            Self::Refunding(current) if current == *request => match request.next(state) {
                Some(next) => Self::Refunding(next),
                None => Self::Refunded { number: request.number },
            },
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refund(order: u128, reference: &str, amount: i64) -> PartialRefund {
        PartialRefund {
            order: OrderId::new(Uuid::from_u128(order)),
            reference: Reference::new(reference).unwrap(),
            amount: Money::from_minor(amount).unwrap(),
            reason: RefundReason::Goodwill,
            decided_by: Author::user(Uuid::from_u128(9)),
        }
    }

    #[test]
    fn a_reference_counts_within_its_order() {
        assert_eq!(refund(1, "a", 1).id(), refund(1, "a", 2).id());
        assert_ne!(refund(1, "a", 1).id(), refund(1, "b", 1).id());
        assert_ne!(refund(1, "a", 1).id(), refund(2, "a", 1).id());
    }

    #[test]
    fn a_retry_with_other_contents_is_detected() {
        let first = refund(1, "a", 1);

        assert_eq!(first.difference(&first), None);
        assert_eq!(first.difference(&refund(1, "a", 2)), Some("amount_minor"));
        let returned = PartialRefund { reason: RefundReason::Return, ..first.clone() };
        assert_eq!(first.difference(&returned), Some("reason"));
    }

    #[test]
    fn only_the_response_to_the_latest_request_counts() {
        let second = RefundRequest { number: 2, reference: None };
        let after_failure = PartialRefundStatus::NEW.after(&RefundRequest::FIRST, &RefundState::Failed);

        assert_eq!(after_failure, PartialRefundStatus::Refunding(second.clone()));
        assert_eq!(after_failure.clone().after(&RefundRequest::FIRST, &RefundState::Refunded), after_failure);
        let made = after_failure.after(&second, &RefundState::Refunded);
        assert_eq!(made, PartialRefundStatus::Refunded { number: 2 });
    }
}
