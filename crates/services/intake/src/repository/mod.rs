//! Storage: each order is written once, into four tables.

mod memory;
mod orders;
mod postgres;
mod repeats;

pub use memory::MemoryOrders;
pub use orders::{Kept, Orders, Stored};
pub use postgres::{ERASE_BATCH, MIGRATIONS, PgOrders, TOMBSTONE_BATCH, erase_older, remove_tombstones};
pub use repeats::{Written, store};
