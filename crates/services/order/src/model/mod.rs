//! The order aggregate with its transitions, attempts to pay, its delivery, and the outcomes that are stored under idempotency keys.

mod action;
mod attempt;
mod checkout_details;
mod delivery;
mod idempotency;
mod order;
mod payment;
mod refusal;
mod tracking;

pub use action::Action;
pub use attempt::{AttemptEnd, AttemptLease, Charge, Confirmation, Step};
pub use checkout_details::CheckoutDetails;
pub use delivery::{Delivery, DeliveryAddress, DeliveryStatus, Destination, InvalidAddress};
pub use idempotency::{Claim, Claimed, Outcome};
pub use order::{Attempt, CancelReason, Event, IllegalTransition, MAX_PARTS, NewOrder, Order, PaymentMethod, Status};
pub use payment::{Payment, PaymentStatus};
pub use refusal::Refusal;
pub use tracking::{Cell, Courier, Position, Tracked};
