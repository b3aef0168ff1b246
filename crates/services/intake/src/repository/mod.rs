//! Storage: each order is inserted once, into four tables. Afterwards it can only be erased, which leaves a tombstone:
//! a row with only the key. A job removes the tombstone later.

mod orders;
mod postgres;
mod repeats;

pub use orders::{Orders, PAGE_BYTES, PAGE_ORDERS, PositionedOrder, StoredOrder};
pub use postgres::{ERASE_BATCH, MIGRATIONS, PgOrders, TOMBSTONE_BATCH, erase_older, remove_tombstones};
pub use repeats::{Written, store};
