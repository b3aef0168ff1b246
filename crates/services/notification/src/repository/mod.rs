//! Storage: the queue of notifications, and the offsets of bots.

mod notifications;
mod offsets;
mod postgres;

pub use notifications::{MAX_CHATS, Notifications};
pub use offsets::Offsets;
pub use postgres::{MIGRATIONS, PgNotifications, PgOffsets, prefer_index_scans};
