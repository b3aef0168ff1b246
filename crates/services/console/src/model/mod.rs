//! The records of an order, the steps of its timeline, its receipt as it is shown and as it is signed, the texts for
//! refusals, and what operators see of the system. Each view of operators is what the API returns as JSON.

mod action;
mod check;
mod dead_letters;
pub mod receipt_page;
mod record;
mod refusal;
pub mod signed_receipt;
mod step;
mod system;

pub use action::{Action, Audited, Ended, Now, Running};
pub use check::{Check, CheckState};
pub use dead_letters::{DeadLetters, Letter, LetterPage, Plan, Poison};
pub use record::{NewRecord, Record};
pub use refusal::refusal;
pub use signed_receipt::SignedReceipt;
pub use step::{Detail, Kind, Step};
pub use system::{Breaker, LagPoint, Lags, OutboxState, PartitionLag, ServiceState};
