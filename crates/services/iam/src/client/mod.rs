//! Client of the order service, which knows a user's open orders.

mod order;

use async_trait::async_trait;
use contracts::ids::{OrderId, UserId};
pub use order::GrpcOpenOrders;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("order is unavailable: {0}")]
pub struct Unavailable(pub String);

/// The orders of a user whose money or ship is still in movement.
#[async_trait]
pub trait OpenOrders: Send + Sync {
    /// Returns some of the user's open orders, oldest first, and the number of all.
    async fn of(&self, user: UserId) -> Result<(Vec<OrderId>, u32), Unavailable>;
}
