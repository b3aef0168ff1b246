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

/// The orders that exist.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Existing {
    /// In any status.
    pub all: HashSet<OrderId>,
    /// Those that wait for payment.
    pub unpaid: HashSet<OrderId>,
}

#[async_trait]
pub trait ExistingOrders: Send + Sync {
    /// Returns which of the orders exist. The caller must pass at most 1 000 orders.
    async fn existing(&self, orders: &[OrderId]) -> Result<Existing, Unavailable>;
}
