//! Tests of the outbox and the inbox, in PostgreSQL and in memory.

mod applying;
mod checking;
mod contract;
mod fixture;
mod killed;
mod notifications;
mod relay_memory;
mod writing;
