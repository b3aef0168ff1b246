//! Finds or starts, on this machine, the PostgreSQL, the Redis and the Kafka that the shop needs.
//!
//! Each server is a private child process on a free loopback port, with its data in a directory of ours and a password that only
//! its owner can read; it ends with us, and what a killed process left behind is no obstacle. For `shipyard chaos` servers can also be
//! hurt: killed, frozen, put on a disk that is full.

pub mod apt;
mod crash;
mod docker;
pub mod kafka;
pub mod postgres;
pub mod process;
pub mod redis;
pub mod small_disk;

pub use small_disk::SmallDisk;
