//! Tests of the outbox and the inbox, in PostgreSQL and in memory, of the check, and of the feature `kafka`.

mod applying;
mod checking;
mod contract;
mod fixture;
#[cfg(feature = "kafka")]
mod kafka;
mod killed;
mod notifications;
mod relay_memory;
mod writing;
