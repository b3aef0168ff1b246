//! Tests of the servers as the shop uses them: started, killed, and started again.

mod kafka;
mod postgres;
mod redis;
