//! The status of a payment and its transitions, and the event that reports the end of an attempt to other services.

use super::{Decline, Intent, Payment, RefundRequest, named::named};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChargeOutcome {
    Charged {
        /// The provider's id of the charge.
        reference: String,
    },
    Declined(Decline),
}

impl ChargeOutcome {
    /// The outcome of an attempt if the provider refused to execute all of its requests.
    pub const REFUSED: Self = Self::Declined(Decline::Declined);
}

/// The state of a charge, as the provider reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChargeState {
    Settled(ChargeOutcome),
    /// The provider has not decided yet.
    Processing {
        /// The provider's id of the charge.
        reference: String,
    },
}

/// ```text
/// Pending ──charged──▶ Succeeded ──cancel──▶ Refunding ──▶ Refunded
///    │ └──charged after a cancellation──────────▲
///    └──declined──▶ Declined
/// ```
///
/// The transition out of Pending creates the [`Event`](super::Event). Later transitions create no event.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// The provider was called or will be; the outcome is unknown.
    Pending {
        /// The provider's id of the charge, once it is known.
        reference: Option<String>,
    },
    Succeeded {
        reference: String,
    },
    Declined(Decline),
    Refunding {
        reference: String,
        request: RefundRequest,
    },
    Refunded {
        reference: String,
        /// The number of the request that the provider has made.
        number: u32,
    },
}

/// The result of a request to charge an order. It is derived from the payment that the request created or found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChargeResult {
    Charged,
    Declined(Decline),
    Cancelled,
    /// The outcome of this or another attempt is unknown.
    InProgress,
}

impl Status {
    /// The status of a new payment.
    pub const NEW: Self = Self::Pending { reference: None };

    /// Returns the status that follows [`Pending`](Self::Pending).
    pub fn settled(outcome: &ChargeOutcome, cancelled: bool) -> Self {
        match outcome.clone() {
            ChargeOutcome::Charged { reference } if cancelled => {
                Self::Refunding { reference, request: RefundRequest::FIRST }
            }
            ChargeOutcome::Charged { reference } => Self::Succeeded { reference },
            ChargeOutcome::Declined(decline) => Self::Declined(decline),
        }
    }

    /// Returns the status after the order's cancellation: [`Succeeded`](Self::Succeeded) becomes
    /// [`Refunding`](Self::Refunding), others stay.
    #[must_use]
    pub fn cancelled(self) -> Self {
        match self {
            Self::Succeeded { reference } => Self::Refunding { reference, request: RefundRequest::FIRST },
            other => other,
        }
    }

    /// Returns the provider's id of the charge; `None` if nothing was charged, or the outcome is unknown.
    pub fn charge(&self) -> Option<&str> {
        match self {
            Self::Succeeded { reference } | Self::Refunding { reference, .. } | Self::Refunded { reference, .. } => {
                Some(reference)
            }
            Self::Pending { .. } | Self::Declined(_) => None,
        }
    }

    pub const fn charge_result(&self) -> ChargeResult {
        match self {
            Self::Succeeded { .. } => ChargeResult::Charged,
            Self::Declined(decline) => ChargeResult::Declined(*decline),
            Self::Refunding { .. } | Self::Refunded { .. } => ChargeResult::Cancelled,
            Self::Pending { .. } => ChargeResult::InProgress,
        }
    }
}

named!(
    /// The outcome of an attempt, as it is published.
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
    /// Returns the status and the event that end this attempt. `cancelled` is true if the order has been cancelled
    /// meanwhile.
    pub fn settled(&self, outcome: &ChargeOutcome, cancelled: bool) -> (Status, Event) {
        let completion = match outcome {
            ChargeOutcome::Charged { .. } if !cancelled => Completion::Success,
            ChargeOutcome::Declined(Decline::InsufficientFunds) => Completion::InsufficientFunds,
            ChargeOutcome::Charged { .. } | ChargeOutcome::Declined(Decline::Declined) => Completion::Failed,
        };
        (Status::settled(outcome, cancelled), Event::Completed { intent: *self, completion })
    }

    /// Returns the decline and the event of a voided attempt, for which the provider is never called.
    pub fn voided(&self) -> (Decline, Event) {
        let decline = Decline::Declined;
        let (_, event) = self.settled(&ChargeOutcome::Declined(decline), false);
        (decline, event)
    }
}

impl Payment {
    /// Settles a pending attempt and returns its event. An attempt that is settled already keeps its first outcome; the
    /// result is `None`.
    pub fn settle(&mut self, outcome: &ChargeOutcome) -> Option<Event> {
        if !matches!(self.status, Status::Pending { .. }) {
            return None;
        }
        let (status, event) = self.intent.settled(outcome, self.cancelled);
        self.status = status;
        Some(event)
    }
}
