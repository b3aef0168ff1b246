//! A question to one broker, over a connection of its own.
//!
//! A client of librdkafka turns to the advertised address with its second request, and leaves the address that it was given. A broker that
//! advertises a proxy that does not lead to it yet answers such a client now and then: when both requests were sent before the first
//! was answered.

use std::{
    io::{Read as _, Write as _},
    net::{TcpStream, ToSocketAddrs as _},
    time::Duration,
};

use anyhow::Context as _;

/// How long connecting, and each half of the answer, may take; a broker of a busy machine answers after seconds.
const TIMEOUT: Duration = Duration::from_secs(10);
/// A request for metadata (key 3, version 1) with the correlation id 7, no client id, and no topics.
const REQUEST: [u8; 18] = [0, 0, 0, 14, 0, 3, 0, 1, 0, 0, 0, 7, 0xff, 0xff, 0, 0, 0, 0];

/// Asks the broker at this address, which is the first of `brokers`, for its metadata. Blocks for half a minute at most.
pub fn ask(brokers: &str) -> anyhow::Result<()> {
    let first = brokers.split(',').next().unwrap_or_default();
    let address = first.to_socket_addrs()?.next().with_context(|| format!("{first} has no address"))?;
    let mut broker = TcpStream::connect_timeout(&address, TIMEOUT).context("connecting")?;
    broker.set_read_timeout(Some(TIMEOUT))?;
    broker.set_write_timeout(Some(TIMEOUT))?;
    broker.write_all(&REQUEST).context("asking the broker")?;
    // Its length, the correlation id, and how many brokers the cluster has.
    let mut answer = [0; 12];
    broker.read_exact(&mut answer).context("the broker does not answer")?;
    let [.., id, b0, b1, b2, b3] = answer;
    anyhow::ensure!(id == 7, "the answer is not a broker's");
    anyhow::ensure!(i32::from_be_bytes([b0, b1, b2, b3]) > 0, "the broker has not joined its cluster yet");
    Ok(())
}
