//! Storage: the queue of notifications, the offsets of bots, and reported alerts.

mod alerts;
mod memory;
mod notifications;
mod offsets;
mod postgres;

pub use alerts::{Alerts, Claim};
pub use memory::{MemoryAlerts, MemoryNotifications, MemoryOffsets};
pub use notifications::{DuePage, MAX_CHATS, MAX_PER_CHAT, Notifications};
pub use offsets::Offsets;
pub use postgres::{MIGRATIONS, PgAlerts, PgNotifications, PgOffsets, prefer_index_scans};
