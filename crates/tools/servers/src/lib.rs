//! Finds or starts PostgreSQL, Redis and Kafka on this machine.
//!
//! Each server is a child process on a free loopback port, with its own data directory, and a password that only the
//! directory's owner can read. It ends with this process; leftovers of a killed process are cleaned up. For `shipyard
//! chaos`, servers can also be killed, frozen, or put on a disk that can be filled.

mod addresses;
mod crash;
mod docker;
pub mod kafka;
mod packages;
pub mod postgres;
pub mod process;
pub mod redis;
pub mod small_disk;

pub use addresses::{free_address, free_addresses};
pub use packages::advice;
pub use small_disk::SmallDisk;
