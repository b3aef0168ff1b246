//! The model of payments. A payment is one attempt to charge an order, from the intent to the refund.

mod credit;
mod named;
mod partial_refund;
mod payment;
mod refund;
mod status;

pub use credit::{Credit, Reference, ReferenceError};
pub use named::{Decline, Method, ProviderName};
pub use partial_refund::{
    MAX_PARTIAL_REFUNDS, PartialRefund, PartialRefundStatus, RecordedRefund, RefundReason, RefundRefusal,
};
pub use payment::{Admission, Intent, Payment, VoidResult, direct_payment};
pub use refund::{RefundRequest, RefundState, refund_of_rest};
pub use status::{ChargeOutcome, ChargeResult, ChargeState, Completion, Event, Status};
