//! The model of payments. A payment is one attempt to charge an order, from the intent to the refund.

mod admission;
mod credit;
mod event;
mod intent;
mod named;
mod status;
mod void;

pub use admission::Admission;
use chrono::{DateTime, Utc};
use contracts::ids::{OrderId, TransactionId, UserId};
pub use credit::{Credit, Reference, ReferenceError};
pub use event::{Completion, Event};
pub use intent::Intent;
pub use named::{Decline, Method, ProviderName};
pub use status::{ChargeResult, Outcome, Status};
pub use void::VoidResult;

/// One attempt to charge an order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Payment {
    pub intent: Intent,
    pub status: Status,
    /// True once the order is cancelled.
    pub cancelled: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Payment {
    /// Returns true if no other attempt may charge the order: the order is cancelled, or this attempt has charged it or may still do so.
    pub fn blocks_attempts(&self) -> bool {
        self.cancelled || !matches!(self.status, Status::Declined(_))
    }
}

/// A direct payment by a user. It charges nothing and never settles a shop order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DirectPayment {
    pub transaction: TransactionId,
    pub order: OrderId,
    pub user: UserId,
    pub method: Method,
}
