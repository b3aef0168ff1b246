//! A metadata request to one broker, over a separate connection.
//!
//! librdkafka sends its second request to the advertised address, and no longer uses the address that it was given. If
//! the broker advertises a proxy that does not lead to it yet, such a client gets a response only if it sent both
//! requests before the first was answered.

use std::{
    io::{Read as _, Write as _},
    net::{TcpStream, ToSocketAddrs as _},
    time::Duration,
};

use anyhow::Context as _;

/// The time limit for connecting, and for reading each half of the response. A broker on a busy machine responds after
/// seconds.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);
/// A request for metadata (key 3, version 1) with the correlation id 7, no client id, and no topics.
const REQUEST: [u8; 18] = [0, 0, 0, 14, 0, 3, 0, 1, 0, 0, 0, 7, 0xff, 0xff, 0, 0, 0, 0];

/// Requests metadata from the broker at the first address in `brokers`. Blocks for half a minute at most.
pub fn ask(brokers: &str) -> anyhow::Result<()> {
    let first = brokers.split(',').next().unwrap_or_default();
    let address = first.to_socket_addrs()?.next().with_context(|| format!("{first} has no address"))?;
    let mut broker = TcpStream::connect_timeout(&address, RESPONSE_TIMEOUT).context("connecting")?;
    broker.set_read_timeout(Some(RESPONSE_TIMEOUT))?;
    broker.set_write_timeout(Some(RESPONSE_TIMEOUT))?;
    broker.write_all(&REQUEST).context("asking the broker")?;
    // The response begins with its length, the correlation id, and the number of brokers.
    let mut response = [0; 12];
    broker.read_exact(&mut response).context("the broker does not respond")?;
    let [.., id, b0, b1, b2, b3] = response;
    anyhow::ensure!(id == 7, "the response is not a broker's");
    anyhow::ensure!(i32::from_be_bytes([b0, b1, b2, b3]) > 0, "the broker has not joined its cluster yet");
    Ok(())
}
