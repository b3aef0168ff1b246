//! Kafka consumers, one per event type.

mod order_cancelled;

pub use order_cancelled::order_cancelled;

use contracts::events::Subscription;

use crate::service::PaymentService;

pub fn all(service: &PaymentService) -> [Subscription; 1] {
    [order_cancelled(service.clone())]
}
