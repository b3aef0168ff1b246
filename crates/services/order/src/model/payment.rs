//! An order's payment, as the payment service reports it, and the data that only `/api/orders` returns.

use chrono::{DateTime, Utc};
use contracts::{ids::TransactionId, money::Money};
use serde::{Deserialize, Serialize};

use super::OrderRefusal;

/// The order's attempt that was not declined, or else the latest attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    pub attempt: i32,
    pub transaction: TransactionId,
    pub method: PaymentMethod,
    pub status: PaymentStatus,
    /// When the payment service recorded the attempt. A refund does not change this time.
    pub created_at: DateTime<Utc>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PaymentMethod {
    Card,
    Sbp,
    CreditCard,
    InvestorMoney,
}

impl PaymentMethod {
    pub const ALL: [Self; 4] = [Self::Card, Self::Sbp, Self::CreditCard, Self::InvestorMoney];

    /// Returns the method's name in the API's responses and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Card => "CARD",
            Self::Sbp => "SBP",
            Self::CreditCard => "CREDIT_CARD",
            Self::InvestorMoney => "INVESTOR_MONEY",
        }
    }

    /// Parses a method's name, with or without the prefix `PAYMENT_METHOD_`.
    pub fn parse(text: &str) -> Option<Self> {
        let name = text.strip_prefix("PAYMENT_METHOD_").unwrap_or(text);
        Self::ALL.into_iter().find(|method| method.as_str() == name)
    }
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
    /// Returns true if the attempt was charged, even if it was refunded since.
    pub const fn is_charged(self) -> bool {
        matches!(self, Self::Success | Self::Refunded)
    }

    pub const fn is_declined(self) -> bool {
        matches!(self, Self::InsufficientFunds | Self::Failed)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckoutDetails {
    /// The price of one piece of each part, in the order of [`Order::quantities`](super::Order::quantities).
    pub unit_prices: Vec<Money>,
    /// The last attempt that the payment service declined, and why.
    pub declined: Option<(i32, OrderRefusal)>,
}
