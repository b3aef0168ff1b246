//! The caller's network address, by which attempts to log in and registrations are counted.

use std::net::{IpAddr, Ipv4Addr};

use platform::listener::network;
use tonic::{Request, metadata::MetadataMap};

use crate::model::TrustedProxies;

/// Returns the caller's IPv4 address, or the network of its IPv6 address. If the peer is not a trusted proxy, it is the caller. Otherwise
/// the caller is the address that the proxy appended to `X-Forwarded-For`, the last entry; the caller controls all earlier entries.
pub fn of<T>(request: &Request<T>, proxies: &TrustedProxies) -> IpAddr {
    let peer = request.remote_addr().map_or(Ipv4Addr::UNSPECIFIED.into(), |peer| peer.ip());
    network(caller(peer.to_canonical(), request.metadata(), proxies))
}

fn caller(peer: IpAddr, metadata: &MetadataMap, proxies: &TrustedProxies) -> IpAddr {
    if !proxies.contain(peer) {
        return peer;
    }
    let mut lists = metadata.get_all("x-forwarded-for").iter();
    let last = lists.next_back().and_then(|list| list.to_str().ok()).and_then(|list| list.rsplit(',').next());
    last.and_then(|address| address.trim().parse().ok()).unwrap_or(peer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_trusted_proxy_says_who_calls_and_only_by_the_hop_it_appended() {
        let proxies = TrustedProxies::parse("10.0.0.10").unwrap();
        for (peer, headers, expected) in [
            ("10.0.0.10", &["192.0.2.1"][..], "192.0.2.1"),
            ("10.0.0.10", &["198.51.100.1, 192.0.2.1"], "192.0.2.1"),
            ("10.0.0.10", &["198.51.100.1", "198.51.100.2,192.0.2.1 "], "192.0.2.1"),
            ("10.0.0.10", &[], "10.0.0.10"),
            ("10.0.0.10", &["192.0.2.1, nonsense"], "10.0.0.10"),
            ("10.0.0.11", &["192.0.2.1"], "10.0.0.11"),
        ] {
            let mut metadata = MetadataMap::new();
            for header in headers {
                metadata.append("x-forwarded-for", header.parse().unwrap());
            }

            let caller = caller(peer.parse().unwrap(), &metadata, &proxies);

            assert_eq!(caller.to_string(), expected, "{peer} {headers:?}");
        }
    }
}
