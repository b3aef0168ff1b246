//! Maps an address to its network, by which callers are counted.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// The mask of the network half of an IPv6 address. A host can choose the other half itself.
const NETWORK: u128 = !0 << 64;

/// Returns an IPv4 address unchanged, and the network of an IPv6 address.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & NETWORK).into(),
        address @ IpAddr::V4(_) => address,
    }
}

/// Reads an entry of `X-Forwarded-For`: an IP address, which some proxies write with a port or in brackets.
pub fn forwarded(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim();
    let with_port = || entry.parse().ok().map(|address: SocketAddr| address.ip());
    let in_brackets = || entry.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    entry.parse().ok().or_else(with_port).or_else(in_brackets).map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forwarded_address_may_have_a_port() {
        for entry in ["203.0.113.1", " 203.0.113.1:1 ", "::ffff:203.0.113.1", "[::ffff:203.0.113.1]:443"] {
            assert_eq!(forwarded(entry), Some("203.0.113.1".parse().unwrap()), "{entry}");
        }
        for entry in ["2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:443"] {
            assert_eq!(forwarded(entry), Some("2001:db8::1".parse().unwrap()), "{entry}");
        }
        for entry in ["", "unknown", "_hidden", "203.0.113.1:", "203.0.113.1:99999", "[]", "[203.0.113.1"] {
            assert_eq!(forwarded(entry), None, "{entry}");
        }
    }

    #[test]
    fn addresses_of_one_ipv6_network_count_as_one() {
        let network = |text: &str| network(text.parse().unwrap()).to_string();

        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(network("::ffff:192.0.2.1"), "192.0.2.1");
        assert_eq!(network("192.0.2.1"), "192.0.2.1");
    }
}
