//! Background jobs, one per file.

mod check_customers;
mod credit_loans;
mod decide_loans;
mod refuse_loans;

pub use check_customers::check_customers;
pub use credit_loans::credit_loans;
pub use decide_loans::{DECIDE_LEASE, decide_loans};
pub use refuse_loans::{REFUSE_LEASE, refuse_loans};
