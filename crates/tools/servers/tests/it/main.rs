//! The servers as the shop uses them: started, killed, started again.

mod broker;
mod mock;
mod postgres;
mod redis;
mod small_disk;
