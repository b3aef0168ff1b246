//! The order aggregate with its transitions, attempts to pay, and the outcomes that idempotency keys remember.

mod attempt;
mod idempotency;
mod order;
mod refusal;

pub use attempt::{AttemptLease, Charge, Confirmation, Ending, Step};
pub use idempotency::{Claim, Claimed, Outcome};
pub use order::{Attempt, CancelReason, Event, IllegalTransition, NewOrder, Order, PaymentMethod, Status};
pub use refusal::Refusal;
