//! Where a call comes from, as failed attempts are counted.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use tonic::Request;

/// The half of an IPv6 address that its holder cannot choose.
const NETWORK: u128 = !0 << 64;

/// The peer's IPv4 address, or its IPv6 network.
pub fn of<T>(request: &Request<T>) -> IpAddr {
    request.remote_addr().map_or(Ipv4Addr::UNSPECIFIED.into(), |peer| network(peer.ip()))
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & NETWORK).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_an_ipv6_network_has_one_address() {
        let network = |text: &str| network(text.parse().unwrap()).to_string();

        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(network("::ffff:192.0.2.1"), "192.0.2.1");
        assert_eq!(network("192.0.2.1"), "192.0.2.1");
    }
}
