//! Finds or starts PostgreSQL, Redis and Kafka on this machine.
//!
//! Each server is a child process on a free loopback port, with its own data directory, and a password that only the
//! directory's owner can read. It ends with this process; leftovers of a killed process are cleaned up. For `shipyard
//! chaos`, servers can also be killed, frozen, or put on a disk that can be filled.

mod crash;
mod docker;
pub mod kafka;
pub mod postgres;
pub mod process;
pub mod redis;
pub mod small_disk;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    sync::atomic::{AtomicU8, Ordering},
};

use anyhow::Context as _;
pub use process::advice;
pub use small_disk::SmallDisk;

/// Returns a loopback address unique in this process. No outgoing connection can take its port before the program
/// listens or while it restarts.
pub fn free_address() -> anyhow::Result<SocketAddr> {
    static COUNT: AtomicU8 = AtomicU8::new(1);
    let ip = if cfg!(target_os = "linux") {
        let [.., high, low] = std::process::id().to_be_bytes();
        Ipv4Addr::new(127, high.max(1), low, COUNT.fetch_add(1, Ordering::Relaxed))
    } else {
        Ipv4Addr::LOCALHOST
    };
    let listener = TcpListener::bind((IpAddr::V4(ip), 0)).context("finding a free port")?;
    listener.local_addr().context("finding a free port")
}

/// Returns free addresses of 127.0.0.1. They are distinct, since all are bound before any is released.
pub fn free_addresses(count: usize) -> anyhow::Result<Vec<SocketAddr>> {
    let bound: Result<Vec<_>, _> = (0..count).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).collect();
    let bound = bound.context("finding a free port")?;
    Ok(bound.iter().map(TcpListener::local_addr).collect::<Result<_, _>>()?)
}
