//! Customers, the checks of their identity, and their loans. Transitions return their events.

mod customer;
mod event;
mod loan;
mod profile;
mod text;

pub use customer::{Customer, CustomerRefusal, Reason, State, Verdict, Why};
pub use event::{Change, Event, KycStatus};
pub use loan::{Amount, AmountError, Loan, LoanId, LoanStatus, NewLoan};
pub use profile::{Address, BirthDate, BirthDateError, Profile};
pub use text::{Name, TextError, Words, check as check_text};
