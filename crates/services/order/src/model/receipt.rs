//! The additional data of an order that `/api/orders` shows.

use contracts::money::Money;

use super::Refusal;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// Of one piece of each part, in the order of [`Order::quantities`](super::Order::quantities). None for an order of an older version.
    pub unit_prices: Option<Vec<Money>>,
    /// The last attempt that the payment service declined, and why.
    pub declined: Option<(i32, Refusal)>,
}
