//! Kafka consumers, one per event type.

mod order_cancelled;
mod ship_assembled;

pub use order_cancelled::order_cancelled;
pub use ship_assembled::ship_assembled;

use contracts::events::Subscription;

use crate::service::InventoryService;

pub fn all(service: &InventoryService) -> [Subscription; 2] {
    [order_cancelled(service.clone()), ship_assembled(service.clone())]
}
