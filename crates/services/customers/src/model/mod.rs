//! Customers, the checks of their identity, and their loans. Transitions return their events.

mod customer;
mod loan;
mod profile;
mod text;

pub use customer::{Change, Customer, CustomerRefusal, Event, KycStatus, Reason, State, Verdict, Why};
pub use loan::{Amount, AmountError, Loan, LoanId, LoanStatus, NewLoan};
pub use profile::{Address, BirthDate, BirthDateError, Profile};
pub use text::{Name, Words};
