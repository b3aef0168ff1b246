//! Background jobs, one per file.

mod check_customers;
mod credit_loans;
mod decide_loans;
mod refuse_loans;

use std::sync::Arc;

pub use check_customers::check_customers;
pub use credit_loans::credit_loans;
pub use decide_loans::decide_loans;
use platform::{jobs::Job, lease::Lease};
pub use refuse_loans::refuse_loans;

use self::{decide_loans::DECIDE_LEASE, refuse_loans::REFUSE_LEASE};
use crate::service::CustomerService;

/// Returns the jobs that run over any implementation of the repositories. `leases` creates the lease with a given name.
pub fn all(service: &CustomerService, leases: impl Fn(&'static str) -> Arc<dyn Lease>) -> [Job; 4] {
    [
        check_customers(service.clone()),
        credit_loans(service.clone()),
        decide_loans(service.clone(), leases(DECIDE_LEASE)),
        refuse_loans(service.clone(), leases(REFUSE_LEASE)),
    ]
}
