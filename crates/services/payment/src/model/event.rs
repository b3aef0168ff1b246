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
