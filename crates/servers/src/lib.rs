//! Finds or starts, on this machine, the PostgreSQL, the Redis and the Kafka that the shop needs.
//!
//! Each server is a private child process on a free loopback port, with its data in a directory of ours and a password that only
//! its owner can read; it ends with us, and what a killed process left behind is no obstacle.

pub mod apt;
pub mod kafka;
pub mod postgres;
mod process;
pub mod redis;
