//! The consumed topics, one per file.

mod orders;
mod user_erased;

use std::sync::Arc;

use contracts::events::{ORDERS, Subscription};
pub use orders::{Orders, order_problem};
pub use user_erased::user_erased;

use crate::service::IntakeService;

pub fn all(service: &IntakeService) -> [Subscription; 2] {
    [Subscription::handled_by(&ORDERS, Arc::new(Orders::new(service.clone()))), user_erased(service.clone())]
}
