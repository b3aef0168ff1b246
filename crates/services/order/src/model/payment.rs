//! An order's payment, as the payment service reports it.

use chrono::{DateTime, Utc};
use contracts::ids::TransactionId;
use serde::{Deserialize, Serialize};

use super::PaymentMethod;

/// The order's attempt that was not declined, or else the latest attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    pub attempt: i32,
    pub transaction: TransactionId,
    pub method: PaymentMethod,
    pub status: PaymentStatus,
    /// The time at which the payment service recorded the attempt. A refund does not change it.
    pub created_at: DateTime<Utc>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PaymentStatus {
    /// The outcome is unknown.
    Pending,
    /// The order was charged. The status stays `Success` while a refund is in progress.
    Success,
    InsufficientFunds,
    Failed,
    Refunded,
}

impl PaymentStatus {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Success => "SUCCESS",
            Self::InsufficientFunds => "INSUFFICIENT_FUNDS",
            Self::Failed => "FAILED",
            Self::Refunded => "REFUNDED",
        }
    }

    /// Returns true if the attempt was charged, even if it was refunded since.
    pub const fn is_charged(self) -> bool {
        matches!(self, Self::Success | Self::Refunded)
    }

    pub const fn is_declined(self) -> bool {
        matches!(self, Self::InsufficientFunds | Self::Failed)
    }
}
