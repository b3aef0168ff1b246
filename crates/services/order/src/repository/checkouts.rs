//! The repository of the data that `/api/orders` adds to orders: unit prices, the last decline, and when to pay from the balance.

use std::time::Duration;

use async_trait::async_trait;
use contracts::ids::{OrderId, UserId};
use contracts::money::Money;

use crate::{error::Error, model::CheckoutDetails};

/// The prices at which an order is created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    pub total_price: Money,
    /// The price of one piece of each part, in the order of [`NewOrder::quantities`](crate::model::NewOrder::quantities).
    pub unit_prices: Vec<Money>,
    /// True if the job `pay_from_balances` pays the order from its user's balance, without a request to pay.
    pub pays_itself: bool,
}

#[async_trait]
pub trait Checkouts: Send + Sync {
    async fn details(&self, order: OrderId) -> Result<CheckoutDetails, Error>;
    /// Takes at most `limit` orders that are due to be paid from their users' balances. Each is due again after `pause`, which doubles each
    /// time up to 16 times `pause`. An order is not due while an attempt is in progress, or after an attempt from the balance was declined.
    async fn due_to_pay_themselves(&self, limit: i64, pause: Duration) -> Result<Vec<(OrderId, UserId)>, Error>;
}
