//! The data of an order that only `/api/orders` returns.

use contracts::money::Money;

use super::Refusal;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckoutDetails {
    /// The price of one piece of each part, in the order of [`Order::quantities`](super::Order::quantities).
    pub unit_prices: Vec<Money>,
    /// The last attempt that the payment service declined, and why.
    pub declined: Option<(i32, Refusal)>,
}
