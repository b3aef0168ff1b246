//! The requests to refund a charge. A request that fails is followed by the next one, under another idempotency key.

use contracts::ids::TransactionId;

/// Returns the id of the refund of a cancelled order.
pub fn refund_of_rest(transaction: TransactionId) -> String {
    format!("{transaction}-refund")
}

/// The state of a refund, as the provider reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundState {
    Refunded,
    /// The provider has accepted the refund. It may still fail.
    Pending {
        /// The provider's id of the refund.
        reference: String,
    },
    /// The refund has given nothing back and never will. Only another request can give the money back.
    Failed,
}

/// The latest request of a refund.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RefundRequest {
    /// The number of this request among the requests of the refund, from 1.
    pub number: u32,
    /// The provider's id of the refund, once it is known to be pending.
    pub reference: Option<String>,
}

impl RefundRequest {
    pub const FIRST: Self = Self { number: 1, reference: None };

    /// Returns the idempotency key. `refund` is the id of the refund.
    pub fn key(&self, refund: &str) -> String {
        match self.number {
            1 => refund.to_owned(),
            number => format!("{refund}-{number}"),
        }
    }

    /// Returns the request that continues the refund; `None` once the charge is refunded.
    #[must_use]
    pub fn next(&self, state: &RefundState) -> Option<Self> {
        match state {
            RefundState::Refunded => None,
            RefundState::Pending { reference } => {
                Some(Self { number: self.number, reference: Some(reference.clone()) })
            }
            RefundState::Failed => Some(Self { number: self.number.saturating_add(1), reference: None }),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_pending_refund_keeps_its_key_and_a_failed_one_is_followed_under_another() {
        let id = refund_of_rest(TransactionId::new(Uuid::nil()));
        let pending = RefundRequest::FIRST.next(&RefundState::Pending { reference: "re".to_owned() }).unwrap();
        let second = pending.next(&RefundState::Failed).unwrap();

        assert_eq!((pending.number, pending.reference.as_deref()), (1, Some("re")));
        assert_eq!(pending.key(&id), RefundRequest::FIRST.key(&id));
        assert_eq!(second, RefundRequest { number: 2, reference: None });
        assert_ne!(second.key(&id), pending.key(&id));
        assert_eq!(second.next(&RefundState::Refunded), None);
    }
}
