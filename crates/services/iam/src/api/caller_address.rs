//! The caller's network address, by which logins and registrations are counted.

use std::net::{IpAddr, Ipv4Addr};

use platform::listener::network;
use tonic::{Request, metadata::MetadataMap};

use super::Settings;

/// Returns the caller's IPv4 address, or the network of its IPv6 address. If the peer is not a trusted proxy, it is the caller. Otherwise
/// the entry of `X-Forwarded-For` counts that the outermost of our proxies appended: the last one, or with `IAM_TRUSTED_HOPS` proxies before
/// the peer, the entry that many places before the last. The caller controls all earlier entries.
///
/// If there are fewer entries than proxies, the first one counts: it was appended by a proxy inside, to which the caller came directly.
pub fn of<T>(request: &Request<T>, settings: &Settings) -> IpAddr {
    let peer = request.remote_addr().map_or(Ipv4Addr::UNSPECIFIED.into(), |peer| peer.ip());
    network(caller(peer.to_canonical(), request.metadata(), settings))
}

fn caller(peer: IpAddr, metadata: &MetadataMap, settings: &Settings) -> IpAddr {
    if !settings.proxies.contain(peer) {
        return peer;
    }
    let lists = metadata.get_all("x-forwarded-for").iter().map(|list| list.to_str().unwrap_or_default());
    let entries: Vec<_> = lists.flat_map(|list| list.split(',')).collect();
    let entry = entries.len().saturating_sub(1 + settings.hops);
    entries
        .get(entry)
        .and_then(|address| address.trim().parse::<IpAddr>().ok())
        .map_or(peer, |caller| caller.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TrustedProxies;

    fn caller_of(peer: &str, hops: usize, headers: &[&str]) -> String {
        let mut metadata = MetadataMap::new();
        for header in headers {
            metadata.append("x-forwarded-for", header.parse().unwrap());
        }
        let proxies = TrustedProxies::parse("10.0.0.10").unwrap();
        caller(peer.parse().unwrap(), &metadata, &Settings { proxies, hops, password_min: 8 }).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_says_who_calls_and_only_by_the_hop_it_appended() {
        for (peer, headers, expected) in [
            ("10.0.0.10", &["192.0.2.1"][..], "192.0.2.1"),
            ("10.0.0.10", &["198.51.100.1, 192.0.2.1"], "192.0.2.1"),
            ("10.0.0.10", &["198.51.100.1", "198.51.100.2,192.0.2.1 "], "192.0.2.1"),
            ("10.0.0.10", &[], "10.0.0.10"),
            ("10.0.0.10", &["192.0.2.1, nonsense"], "10.0.0.10"),
            ("10.0.0.11", &["192.0.2.1"], "10.0.0.11"),
        ] {
            assert_eq!(caller_of(peer, 0, headers), expected, "{peer} {headers:?}");
        }
    }

    #[test]
    fn each_proxy_before_the_trusted_one_has_appended_an_entry() {
        for (hops, headers, expected) in [
            (1, &["198.51.100.1, 192.0.2.1, 203.0.113.1"][..], "192.0.2.1"),
            (1, &["198.51.100.1", "192.0.2.1", "203.0.113.1"], "192.0.2.1"),
            (2, &["198.51.100.1, 192.0.2.1, 203.0.113.1, 203.0.113.2"], "192.0.2.1"),
            (1, &["192.0.2.1"], "192.0.2.1"),
            (1, &[], "10.0.0.10"),
            (1, &["nonsense, 203.0.113.1"], "10.0.0.10"),
        ] {
            assert_eq!(caller_of("10.0.0.10", hops, headers), expected, "{hops} {headers:?}");
        }
    }
}
