//! Consumed events, one per file.

mod basket_confirmed;
mod order_cancelled;
mod order_paid;
mod ship_assembled;

pub use basket_confirmed::{basket_confirmed, basket_problem};
use contracts::events::Subscription;
pub use order_cancelled::order_cancelled;
pub use order_paid::order_paid;
pub use ship_assembled::ship_assembled;

use crate::{generate::Generator, service::DeliveryService};

pub fn all(service: &DeliveryService, generator: &Generator) -> [Subscription; 4] {
    [
        order_paid(service.clone(), generator.clone()),
        ship_assembled(service.clone()),
        order_cancelled(service.clone()),
        basket_confirmed(service.clone(), generator.clone()),
    ]
}
