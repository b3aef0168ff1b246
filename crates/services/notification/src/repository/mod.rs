//! Storage: the queue of notifications, and the offsets of bots.

mod memory;
mod notifications;
mod offsets;
mod postgres;

pub use memory::{MemoryNotifications, MemoryOffsets};
pub use notifications::{MAX_CHATS, Notifications};
pub use offsets::Offsets;
pub use postgres::{MIGRATIONS, PgNotifications, PgOffsets, prefer_index_scans};
