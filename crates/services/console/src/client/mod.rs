//! The other services, called with the session of the user who asks. What they answer is passed on as JSON.

mod customers;
mod delivery;
mod iam;
mod inventory;
mod operations;
mod orders;
mod payments;

pub use customers::Customers;
pub use delivery::Delivery;
pub use iam::{CALLER, Iam};
pub use inventory::Inventory;
pub use operations::{
    Audited, Check, CheckState, Make, OnProgress, Operations, Progress, nothing, operations, provide,
};
pub use orders::{Answer, IDEMPOTENCY_KEY, Orders};
pub use payments::Payments;
