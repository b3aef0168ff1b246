//! The requests to refund a charge. A request that fails is followed by the next one, under another idempotency key.

use std::time::Duration;

use contracts::ids::TransactionId;

/// The longest backoff of a refund that is not made yet. A bank may take days.
const MAX_BACKOFF: Duration = Duration::from_hours(1);

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

    /// Returns the backoff after the provider has reported `state`: 2 s at first, doubled with each request that
    /// failed, and with each try for which the store has leased an accepted refund.
    pub fn backoff(&self, state: &RefundState, tries: u32) -> Duration {
        let doublings = match (state, &self.reference) {
            (RefundState::Refunded, _) => return Duration::ZERO,
            (RefundState::Failed, _) => self.number,
            (RefundState::Pending { .. }, None) => 1,
            (RefundState::Pending { .. }, Some(_)) => tries.saturating_add(2),
        };
        Duration::from_secs(1 << doublings.min(12)).min(MAX_BACKOFF)
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

    #[test]
    fn the_backoff_doubles_with_failed_requests_and_look_ups_up_to_an_hour() {
        let accepted = RefundState::Pending { reference: "re".to_owned() };
        let pending = RefundRequest::FIRST.next(&accepted).unwrap();
        let seconds = |request: &RefundRequest, state: &RefundState, tries| request.backoff(state, tries).as_secs();

        assert_eq!(seconds(&RefundRequest::FIRST, &accepted, 9), 2);
        assert_eq!([0, 1, 20].map(|tries| seconds(&pending, &accepted, tries)), [4, 8, 3600]);
        let failed = |number| seconds(&RefundRequest { number, reference: None }, &RefundState::Failed, 9);
        assert_eq!([1, 2, 30].map(failed), [2, 4, 3600]);
    }
}
