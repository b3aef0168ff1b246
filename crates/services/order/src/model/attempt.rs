//! The protocol of an attempt to pay: the next step after each response of inventory and payment, and which writes
//! require the current epoch.
//!
//! A request begins an attempt. A retry under the same idempotency key, or the reconciler, may take the attempt over
//! while the first process is slow or frozen. Several processes may therefore work on one attempt at the same time. Two
//! rules keep them consistent:
//!
//! - The payment service's result (charged, declined) is a fact: any process that has received it may write it.
//! - To abandon an attempt or to cancel its order is a decision. Only the process that holds the current epoch may
//!   write it, and only if no other process can have caused or can still cause a charge: either no other process has
//!   had the attempt, or the payment service has voided it. The exception is `Compensated`: payment says that the
//!   attempt has charged, inventory refuses the parts, and the order is cancelled and refunded.

use super::PaymentMethod;

/// An attempt to pay that is in progress or whose outcome is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Attempt {
    /// The number of this attempt among the order's attempts, from 1.
    pub number: i32,
    pub method: PaymentMethod,
}

/// The right of a process to decide about an attempt. It ends when another process takes the attempt over, which
/// increases the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AttemptLease {
    pub attempt: Attempt,
    /// A number that increases each time a process begins or takes over an attempt of the order.
    pub epoch: i64,
    /// True if another process had the attempt before. The request of that process to the payment service may still be
    /// in flight.
    pub shared: bool,
    /// The number of times that the reconciler has taken the attempt.
    pub tries: u32,
}

/// The inventory service's result of a request to confirm the order's reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Confirmation {
    /// The parts are reserved until the order ends.
    Held,
    /// The inventory service cannot reserve the parts for the order.
    Refused,
    Unknown,
}

/// The payment service's result of a request to charge or to void an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Charge {
    Made,
    /// The attempt has not charged the order and never will.
    None,
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AttemptEnd {
    /// The order was charged and is paid.
    Paid,
    /// The order was not charged. The user may pay it with another attempt.
    Declined,
    /// The payment service has executed no request. The user may pay the order with another attempt.
    Abandoned,
    /// The order was not charged and is cancelled.
    Cancelled,
    /// The order was charged but its parts are no longer available. The order is cancelled and the charge is refunded.
    Compensated,
}

/// The next action of the process that holds the attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Request the charge from the payment service.
    Charge,
    /// Request the payment service to void the attempt.
    Void,
    /// Request the inventory service to confirm the reservation of an order that is charged already.
    ConfirmCharged,
    End(AttemptEnd),
    /// Leave the attempt to the reconciler.
    AskLater,
}

impl AttemptLease {
    /// Decides the step after the request to confirm the reservation, before this process requests a charge.
    pub fn after_confirmation(&self, confirmation: Confirmation) -> Step {
        match (confirmation, self.shared) {
            (Confirmation::Held, _) => Step::Charge,
            (Confirmation::Refused, false) => Step::End(AttemptEnd::Cancelled),
            (Confirmation::Unknown, false) => Step::End(AttemptEnd::Abandoned),
            (Confirmation::Refused, true) => Step::Void,
            (Confirmation::Unknown, true) => Step::AskLater,
        }
    }
}

impl Step {
    pub fn after_charge(charge: Charge) -> Self {
        match charge {
            Charge::Made => Self::End(AttemptEnd::Paid),
            Charge::None => Self::End(AttemptEnd::Declined),
            Charge::Unknown => Self::AskLater,
        }
    }

    /// Decides the step after the request to void the attempt of an order whose parts were refused.
    pub fn after_void(charge: Charge) -> Self {
        match charge {
            Charge::None => Self::End(AttemptEnd::Cancelled),
            // Another process has charged the order. The inventory service confirmed the parts to that process and
            // refused them to this one.
            Charge::Made => Self::ConfirmCharged,
            Charge::Unknown => Self::AskLater,
        }
    }

    /// Decides the step after the request to confirm the reservation of an order that another process has charged.
    pub fn after_confirming_charged(confirmation: Confirmation) -> Self {
        match confirmation {
            // Parts were confirmed before the charge, so an unknown result counts as held.
            Confirmation::Held | Confirmation::Unknown => Self::End(AttemptEnd::Paid),
            Confirmation::Refused => Self::End(AttemptEnd::Compensated),
        }
    }
}

impl AttemptEnd {
    /// Returns true if the holder of `lease` may write this end, given the order's current `epoch` and `shared`.
    pub fn is_open_to(self, lease: &AttemptLease, epoch: i64, shared: bool) -> bool {
        match self {
            Self::Paid | Self::Declined => true,
            // `shared` changes with the epoch. The comparison of both rejects a lease with a wrong `shared`.
            Self::Abandoned | Self::Cancelled | Self::Compensated => (lease.epoch, lease.shared) == (epoch, shared),
        }
    }
}
