//! The servers in the shop's use: started, killed, and started again.

mod postgres;
mod redis;
mod small_disk;
