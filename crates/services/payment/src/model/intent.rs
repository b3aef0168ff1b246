//! The intent to charge an order, recorded before the provider is called.

use contracts::{
    ids::{OrderId, TransactionId, UserId},
    money::Money,
};

use super::{Method, ProviderName};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Intent {
    /// The provider's idempotency key.
    pub transaction: TransactionId,
    pub order: OrderId,
    /// The number of this attempt among the order's attempts, from 1.
    pub attempt: u32,
    pub user: UserId,
    pub method: Method,
    pub amount: Money,
    pub provider: ProviderName,
}

impl Intent {
    /// Returns the first field in which another intent for the same attempt differs from this one.
    pub fn difference(&self, other: &Self) -> Option<&'static str> {
        if self.user != other.user {
            Some("user_uuid")
        } else if self.method != other.method {
            Some("payment_method")
        } else if self.amount != other.amount {
            Some("amount_minor")
        } else {
            None
        }
    }
}
