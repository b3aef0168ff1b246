//! The model of payments. A payment is one attempt to charge an order, from the intent to the refund.

mod admission;
mod credit;
mod direct;
mod event;
mod intent;
mod named;
mod partial_refund;
mod refund;
mod status;
mod void;

pub use admission::Admission;
use chrono::{DateTime, Utc};
use contracts::money::Money;
pub use credit::{Credit, Reference, ReferenceError};
pub use direct::direct_payment;
pub use event::{Completion, Event};
pub use intent::Intent;
pub use named::{Decline, Method, ProviderName};
pub use partial_refund::{MAX_PARTIAL_REFUNDS, PartialRefund, PartialRefundStatus, RecordedRefund, RefundReason};
pub use refund::{RefundRequest, RefundState, refund_of_rest};
pub use status::{ChargeResult, ChargeState, Outcome, Status};
pub use void::VoidResult;

/// One attempt to charge an order.
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
        // The table has no row that gives back more than its charge.
        Money::from_minor(left).unwrap_or(Money::ZERO)
    }
}
