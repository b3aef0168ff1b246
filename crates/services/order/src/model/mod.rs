//! An order, what may happen to it, and what an answered request is remembered by.

mod attempt;
mod idempotency;
mod order;

pub use attempt::{AttemptLease, Charge, Confirmation, Ending, Step};
pub use idempotency::{Claim, Claimed, Outcome};
pub use order::{Attempt, CancelReason, Event, IllegalTransition, NewOrder, Order, PaymentMethod, Status};
