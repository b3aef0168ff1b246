//! Consumed events, one per file.

mod loan_approved;

use contracts::events::Subscription;
pub use loan_approved::{loan_approved, loan_problem};

use crate::service::CustomerService;

pub fn all(service: &CustomerService) -> [Subscription; 1] {
    [loan_approved(service.clone())]
}
