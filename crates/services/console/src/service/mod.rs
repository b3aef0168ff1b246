//! Use cases: who may see an order's timeline, its live steps, its signed receipts, and the couriers.

mod couriers;
mod live;
mod orders;
mod receipts;
mod session_watch;
mod step_reader;
mod stream_slots;

pub use couriers::{CourierReader, Couriers, Visible};
pub use live::Live;
pub use orders::{Timelines, is_cut};
pub use receipts::SignedReceipts;
pub use session_watch::SessionWatch;
pub use step_reader::Reader;
