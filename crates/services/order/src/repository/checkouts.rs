//! The repository of the data that `/api/orders` adds to orders: prices of pieces, the last decline, payment from the balance.

use std::time::Duration;

use async_trait::async_trait;
use contracts::ids::{OrderId, UserId};
use contracts::money::Money;

use crate::{error::Error, model::Receipt};

/// The price at which an order is created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    pub total_price: Money,
    /// Of one piece of each part, in the order of [`NewOrder::quantities`](crate::model::NewOrder::quantities).
    pub unit_prices: Vec<Money>,
    /// True if the order is paid from its user's balance without a request.
    pub pays_itself: bool,
}

#[async_trait]
pub trait Checkouts: Send + Sync {
    /// Returns the data of an order that only `/api/orders` shows.
    async fn receipt(&self, order: OrderId) -> Result<Receipt, Error>;
    /// Takes orders that are due to be paid from their users' balances, at most `limit`. Each is due again after `pause`, doubled each
    /// time up to 16 times, unless an attempt is in progress, or was made and declined.
    async fn due_to_pay_themselves(&self, limit: i64, pause: Duration) -> Result<Vec<(OrderId, UserId)>, Error>;
}
