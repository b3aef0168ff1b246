//! Kafka consumers, one per event type.

mod assembly_failed;
mod delivery_status_updated;
mod payment_completed;
mod ship_assembled;
mod user_erased;

use contracts::events::Subscription;

use crate::service::{DeliveryService, OrderService};

pub use assembly_failed::assembly_failed;
pub use delivery_status_updated::delivery_status_updated;
pub use payment_completed::payment_completed;
pub use ship_assembled::ship_assembled;
pub use user_erased::user_erased;

/// Returns those that the simulation runs, too. [`user_erased`] works over a store alone, and `app.rs` adds it.
pub fn all(orders: &OrderService, deliveries: &DeliveryService) -> [Subscription; 4] {
    [
        payment_completed(orders.clone()),
        ship_assembled(orders.clone()),
        assembly_failed(orders.clone()),
        delivery_status_updated(deliveries.clone()),
    ]
}
