//! Storage of deliveries and couriers, and their dispatch, with the inbox and outbox rows of each change.

mod couriers;
mod deliveries;
mod dispatch;
mod memory;
mod postgres;

pub use couriers::{Couriers, ListedCourier};
pub use deliveries::{ActiveOrder, Deliveries, Shown};
pub use dispatch::{COURIER_MOVED_BACK_FOR, Counts, Dispatch, MAX_COUNTED, Moved, TripPage};
pub use memory::MemoryRepository;
pub use postgres::{EARLY_BATCH, LEASE_NAME, MIGRATIONS, PgRepository, remove_early};
