//! The order aggregate with its transitions, attempts to pay, its delivery, and the outcomes that are stored under
//! idempotency keys.

mod attempt;
mod delivery;
mod idempotency;
mod order;
mod payment;
mod text;

pub use attempt::{Attempt, AttemptEnd, AttemptLease, Charge, Confirmation, Step};
pub use delivery::{Cell, Courier, Delivery, DeliveryAddress, DeliveryStatus, Destination, Position, Tracked};
pub use idempotency::{Claim, Claimed, OrderRefusal, RequestOutcome};
pub use order::{Action, CancelReason, Event, IllegalTransition, MAX_PARTS, NewOrder, Order, Status};
pub use payment::{CheckoutDetails, Payment, PaymentMethod, PaymentStatus};
pub use text::{InvalidText, UserText};
