//! Client of the order service, which knows the orders that exist.

mod memory;
mod order;

use std::collections::HashSet;

use async_trait::async_trait;
use contracts::ids::OrderId;
pub use memory::MemoryExistingOrders;
pub use order::GrpcExistingOrders;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("order is unavailable: {0}")]
pub struct Unavailable(pub String);

#[async_trait]
pub trait ExistingOrders: Send + Sync {
    /// Returns the orders that exist, in any status. The caller must pass at most 1 000 orders.
    async fn existing(&self, orders: &[OrderId]) -> Result<HashSet<OrderId>, Unavailable>;
}
