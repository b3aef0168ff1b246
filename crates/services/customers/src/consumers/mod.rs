//! Consumed events, one per file.

mod loan_approved;
mod user_erased;

use contracts::events::Subscription;
pub use loan_approved::{loan_approved, loan_problem};
pub use user_erased::user_erased;

use crate::service::CustomerService;

pub fn all(service: &CustomerService) -> [Subscription; 2] {
    [loan_approved(service.clone()), user_erased(service.clone())]
}
