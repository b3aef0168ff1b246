//! The servers as the shop uses them: they are started, killed, and started again.

mod broker;
mod mock;
mod postgres;
mod redis;
mod small_disk;
