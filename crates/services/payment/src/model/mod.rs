//! The model of payments. A payment is one attempt to charge an order, from the intent to the refund.

mod admission;
mod credit;
mod direct;
mod event;
mod intent;
mod named;
mod partial_refund;
mod payment;
mod refund;
mod status;
mod void;

pub use admission::Admission;
pub use credit::{Credit, Reference, ReferenceError};
pub use direct::direct_payment;
pub use event::{Completion, Event};
pub use intent::Intent;
pub use named::{Decline, Method, ProviderName};
pub use partial_refund::{
    MAX_PARTIAL_REFUNDS, PartialRefund, PartialRefundStatus, RecordedRefund, RefundReason, RefundRefusal,
};
pub use payment::Payment;
pub use refund::{RefundRequest, RefundState, refund_of_rest};
pub use status::{ChargeResult, ChargeState, Outcome, Status};
pub use void::VoidResult;
