//! The protocol of an attempt to pay: the next step after each answer of inventory and payment, and the writes that an epoch fences.
//!
//! A request begins an attempt; a repeat under the same key, or the reconciler, may take it over while the first process is slow or
//! paused. Several processes may therefore work on one attempt at the same time. Two rules keep them consistent:
//!
//! - Payment's answer (charged, declined) is a fact: any process that has received it may write it.
//! - To abandon an attempt or to cancel its order is a decision. Only the process that holds the current epoch may write it, and only when
//!   no other process can have called the payment service: because it is the first one, or because that service has voided the attempt.

use super::Attempt;

/// A process's right to decide about an attempt. It ends when another process takes the attempt over, which raises the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AttemptLease {
    pub attempt: Attempt,
    /// Raised each time that a process begins or takes over an attempt of the order.
    pub epoch: i64,
    /// True when another process had the attempt before: its request to payment may still be in flight.
    pub shared: bool,
    /// How often the reconciler has taken the attempt.
    pub tries: u32,
}

/// Inventory's answer about the order's parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Confirmation {
    /// Reserved until the order ends.
    Held,
    /// The order cannot have the parts.
    Refused,
    Unknown,
}

/// Payment's answer to a request to charge or to void an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Charge {
    Made,
    /// The attempt is not charged, now or later.
    None,
    Unknown,
}

/// How an attempt ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ending {
    /// Charged: the order is paid.
    Paid,
    /// Not charged: the order may be tried again.
    Declined,
    /// Payment was not asked: the order may be tried again.
    Abandoned,
    /// Not charged, and the order is cancelled.
    Cancelled,
    /// Charged while the parts are gone: the order is cancelled and the charge refunded.
    Undone,
}

/// The next step of a process with its attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Asks payment to charge.
    Charge,
    /// Asks payment to void the attempt.
    Void,
    /// Asks inventory whether the parts of a charged order are held.
    ConfirmCharged,
    End(Ending),
    /// Leaves the attempt to the reconciler.
    AskLater,
}

impl AttemptLease {
    /// Decides the step after the request to confirm the reservation, before this process requests a charge.
    pub fn after_confirmation(&self, confirmation: Confirmation) -> Step {
        match (confirmation, self.shared) {
            (Confirmation::Held, _) => Step::Charge,
            (Confirmation::Refused, false) => Step::End(Ending::Cancelled),
            (Confirmation::Unknown, false) => Step::End(Ending::Abandoned),
            (Confirmation::Refused, true) => Step::Void,
            (Confirmation::Unknown, true) => Step::AskLater,
        }
    }
}

impl Step {
    /// Decides the step after the request to charge.
    pub fn after_charge(charge: Charge) -> Self {
        match charge {
            Charge::Made => Self::End(Ending::Paid),
            Charge::None => Self::End(Ending::Declined),
            Charge::Unknown => Self::AskLater,
        }
    }

    /// Decides the step after the request to void the attempt of an order whose parts were refused.
    pub fn after_void(charge: Charge) -> Self {
        match charge {
            Charge::None => Self::End(Ending::Cancelled),
            // Another process has charged it, after inventory confirmed to it the parts that were refused here.
            Charge::Made => Self::ConfirmCharged,
            Charge::Unknown => Self::AskLater,
        }
    }

    /// Decides the step after the request to confirm the reservation of an order that turned out to be charged.
    pub fn after_confirming_charged(confirmation: Confirmation) -> Self {
        match confirmation {
            Confirmation::Held => Self::End(Ending::Paid),
            Confirmation::Refused => Self::End(Ending::Undone),
            Confirmation::Unknown => Self::AskLater,
        }
    }
}

impl Ending {
    /// Returns whether the holder of `lease` may write this end, given the order's current `epoch` and `shared`.
    pub fn is_open_to(self, lease: &AttemptLease, epoch: i64, shared: bool) -> bool {
        match self {
            Self::Paid | Self::Declined => true,
            // `shared` besides the epoch: replicas of an older version share an attempt without raising it.
            Self::Abandoned | Self::Cancelled | Self::Undone => (lease.epoch, lease.shared) == (epoch, shared),
        }
    }
}
