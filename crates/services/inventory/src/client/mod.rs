//! Client of the order service, which knows the orders that exist.

mod memory;
mod order;

use std::collections::HashSet;

use async_trait::async_trait;
use contracts::ids::OrderId;
pub use memory::MemoryExistingOrders;
pub use order::GrpcExistingOrders;

/// The order service is unavailable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("order is unavailable: {0}")]
pub struct Unavailable(pub String);

/// Looks up orders in the order service.
#[async_trait]
pub trait ExistingOrders: Send + Sync {
    /// Returns those of the orders that exist, in any status. The caller must not pass more than 1000 orders.
    async fn existing(&self, orders: &[OrderId]) -> Result<HashSet<OrderId>, Unavailable>;
}
