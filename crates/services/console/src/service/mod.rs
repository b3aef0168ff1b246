//! Use cases: who may see an order's timeline, its live steps, its receipt, and the couriers.

mod couriers;
mod live;
mod orders;
mod receipts;
mod session_watch;

pub use couriers::{Couriers, Visible};
pub use live::{Live, Slot, Stream};
pub use orders::Timelines;
pub use receipts::Receipts;
pub use session_watch::SessionWatch;

use contracts::events::TIMELINE;

/// The consumer group of the timeline.
pub const GROUP_TIMELINE: &str = TIMELINE.group;
