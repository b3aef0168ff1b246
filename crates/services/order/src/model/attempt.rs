//! How an attempt to pay is carried to its end: what its process does after each answer, and which writes the epoch guards.
//!
//! A request begins an attempt; a repeat of the request under its key, and the reconciler, may take it over while the first process
//! is slow or stopped. So several processes may work on one attempt at a time, and two rules keep them from undoing each other:
//!
//! - What payment has said (charged, declined) is a fact. It holds for everybody, and any process that has heard it may write it.
//! - To abandon an attempt or to cancel its order is a decision. Only the process that holds the current epoch may write it, and only
//!   when no other can have asked payment before: because it is the first, or because payment has voided the attempt.

use super::Attempt;

/// The right of a process to decide about an attempt. It ends when another process takes the attempt, which raises the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AttemptLease {
    pub attempt: Attempt,
    /// Grows with each process that takes an attempt of the order.
    pub epoch: i64,
    /// True when another process had the attempt before: it may have asked payment, and its request may still be on its way.
    pub shared: bool,
    /// How often the reconciler has taken the attempt.
    pub tries: u32,
}

/// What inventory says of the order's parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Confirmation {
    /// They are held until the order ends.
    Held,
    /// The order cannot have them.
    Refused,
    Unknown,
}

/// What payment says of a charge, or of the wish that there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Charge {
    Made,
    /// There is none under this attempt, and there never will be.
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
    /// Payment has not been asked: the order may be tried again.
    Abandoned,
    /// Not charged, and the order is cancelled.
    Cancelled,
    /// Charged while the parts are gone: the order is cancelled, and gets back what it paid.
    Undone,
}

/// What a process does next about its attempt.
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
    /// After inventory was asked to hold the parts for good, before anything is charged by this process.
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
    /// After payment was asked to charge.
    pub fn after_charge(charge: Charge) -> Self {
        match charge {
            Charge::Made => Self::End(Ending::Paid),
            Charge::None => Self::End(Ending::Declined),
            Charge::Unknown => Self::AskLater,
        }
    }

    /// After payment was asked to void the attempt of an order whose parts were refused.
    pub fn after_void(charge: Charge) -> Self {
        match charge {
            Charge::None => Self::End(Ending::Cancelled),
            // Whoever charged it had the parts confirmed, after they were refused here.
            Charge::Made => Self::ConfirmCharged,
            Charge::Unknown => Self::AskLater,
        }
    }

    /// After inventory was asked for the parts of an order that turned out to be charged.
    pub fn after_confirming_charged(confirmation: Confirmation) -> Self {
        match confirmation {
            Confirmation::Held => Self::End(Ending::Paid),
            Confirmation::Refused => Self::End(Ending::Undone),
            Confirmation::Unknown => Self::AskLater,
        }
    }
}

impl Ending {
    /// Whether this end may be written by a process with this lease, where the order is in this epoch and is shared or not.
    pub fn is_open_to(self, lease: &AttemptLease, epoch: i64, shared: bool) -> bool {
        match self {
            Self::Paid | Self::Declined => true,
            // `shared` besides the epoch: replicas of an older version share an attempt without raising it.
            Self::Abandoned | Self::Cancelled | Self::Undone => (lease.epoch, lease.shared) == (epoch, shared),
        }
    }
}
