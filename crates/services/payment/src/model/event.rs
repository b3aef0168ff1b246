//! The event that reports the end of an attempt to other services.

use super::{Decline, Intent, Outcome, Payment, Status, named::named};

named!(
    /// How an attempt ended.
    Completion {
        Success = "SUCCESS",
        InsufficientFunds = "INSUFFICIENT_FUNDS",
        /// The attempt was declined for another reason, voided, or charged after the order was cancelled. Such a charge
        /// is refunded.
        Failed = "FAILED",
    }
);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Completed { intent: Intent, completion: Completion },
}

impl Intent {
    /// Returns the status and the event that end this attempt. `cancelled` is true if the order has been cancelled meanwhile.
    pub fn settled(&self, outcome: &Outcome, cancelled: bool) -> (Status, Event) {
        let completion = match outcome {
            Outcome::Charged { .. } if !cancelled => Completion::Success,
            Outcome::Declined(Decline::InsufficientFunds) => Completion::InsufficientFunds,
            Outcome::Charged { .. } | Outcome::Declined(Decline::Declined) => Completion::Failed,
        };
        (Status::settled(outcome, cancelled), Event::Completed { intent: *self, completion })
    }

    /// Returns the decline and the event of a voided attempt, for which the provider is never called.
    pub fn voided(&self) -> (Decline, Event) {
        let decline = Decline::Declined;
        let (_, event) = self.settled(&Outcome::Declined(decline), false);
        (decline, event)
    }
}

impl Payment {
    /// Settles a pending attempt and returns its event. An attempt that is settled already keeps its first outcome; the result is `None`.
    pub fn settle(&mut self, outcome: &Outcome) -> Option<Event> {
        if !matches!(self.status, Status::Pending { .. }) {
            return None;
        }
        let (status, event) = self.intent.settled(outcome, self.cancelled);
        self.status = status;
        Some(event)
    }
}

#[cfg(test)]
mod tests {
    use contracts::{
        events::PAYMENT_OUTCOMES,
        ids::{OrderId, TransactionId, UserId},
        money::Money,
    };
    use uuid::Uuid;

    use super::*;
    use crate::model::{Method, ProviderName};

    fn intent() -> Intent {
        Intent {
            transaction: TransactionId::new(Uuid::from_u128(1)),
            order: OrderId::new(Uuid::from_u128(2)),
            attempt: 1,
            user: UserId::new(Uuid::from_u128(3)),
            method: Method::Card,
            amount: Money::from_minor(100).unwrap(),
            provider: ProviderName::Ledger,
        }
    }

    fn completion(outcome: &Outcome, cancelled: bool) -> Completion {
        let (_, Event::Completed { completion, .. }) = intent().settled(outcome, cancelled);
        completion
    }

    #[test]
    fn only_a_charge_of_a_living_order_is_a_success() {
        let charged = Outcome::Charged { reference: "r".to_owned() };

        assert_eq!(completion(&charged, false), Completion::Success);
        assert_eq!(completion(&charged, true), Completion::Failed);
    }

    #[test]
    fn a_decline_says_whether_funds_were_missing() {
        for cancelled in [false, true] {
            let of = |decline| completion(&Outcome::Declined(decline), cancelled);

            assert_eq!(of(Decline::InsufficientFunds), Completion::InsufficientFunds);
            assert_eq!(of(Decline::Declined), Completion::Failed);
        }
        let (decline, Event::Completed { completion, .. }) = intent().voided();
        assert_eq!((decline, completion), (Decline::Declined, Completion::Failed));
    }

    #[test]
    fn the_names_are_those_of_the_contract() {
        let all = [Completion::Success, Completion::InsufficientFunds, Completion::Failed];

        assert_eq!(all.map(Completion::as_str), PAYMENT_OUTCOMES);
    }
}
