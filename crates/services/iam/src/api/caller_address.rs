//! The caller's network address, by which logins and registrations are counted.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use platform::{
    auth::Caller,
    listener::{forwarded, network},
};
use sha2::{Digest as _, Sha256};
use tonic::{Request, metadata::MetadataMap};

use super::Settings;

/// The service that forwards its users' passwords. The last entry of its `X-Forwarded-For` is the address of its own
/// peer.
const CONSOLE: &str = "console";

/// Returns the caller's IPv4 address, or the network of its IPv6 address. If the console calls and has proved its
/// identity, the console's own peer counts as the peer, and the entry that the console appended is left out.
///
/// If the peer is not a trusted proxy, it is the caller. Otherwise the caller is the entry of `X-Forwarded-For` that
/// the outermost of our proxies appended: the last entry, or with `IAM_TRUSTED_HOPS` proxies in front of the peer, the
/// entry that many places before the last. The caller controls all earlier entries.
///
/// If there are fewer entries than proxies, the first entry counts: the caller connected directly to an inner proxy,
/// which appended it. An entry that is no address, such as `unknown`, stands for itself, so that its callers share no
/// limits with those of another entry.
pub fn of<T>(request: &Request<T>, settings: &Settings) -> IpAddr {
    let peer = request.remote_addr().map_or(Ipv4Addr::UNSPECIFIED.into(), |peer| peer.ip());
    let is_console = matches!(request.extensions().get(), Some(Caller::Service(name)) if name == CONSOLE);
    network(caller(peer.to_canonical(), is_console, request.metadata(), settings))
}

fn caller(peer: IpAddr, is_console: bool, metadata: &MetadataMap, settings: &Settings) -> IpAddr {
    let lists = metadata.get_all("x-forwarded-for").iter().map(|list| list.to_str().unwrap_or_default());
    let mut entries: Vec<_> = lists.flat_map(|list| list.split(',')).collect();
    let peer = if is_console { entries.pop().and_then(forwarded).unwrap_or(peer) } else { peer };
    if !settings.proxies.contain(peer) {
        return peer;
    }
    let entry = entries.len().saturating_sub(1 + settings.hops);
    entries.get(entry).map_or(peer, |entry| forwarded(entry).unwrap_or_else(|| substitute(entry)))
}

/// Returns an address for an entry that is not one: in a network of local addresses (RFC 4193) that follows from the
/// text.
fn substitute(entry: &str) -> IpAddr {
    let digest = Sha256::digest(entry.trim());
    let mut octets = [0; 16];
    octets[0] = 0xfd;
    octets[1..8].copy_from_slice(&digest[..7]);
    Ipv6Addr::from(octets).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TrustedProxies;

    fn caller_of(peer: &str, hops: usize, headers: &[&str]) -> String {
        address_of(peer, false, hops, headers)
    }

    fn address_of(peer: &str, is_console: bool, hops: usize, headers: &[&str]) -> String {
        let mut metadata = MetadataMap::new();
        for header in headers {
            metadata.append("x-forwarded-for", header.parse().unwrap());
        }
        let proxies = TrustedProxies::parse("10.0.0.10").unwrap();
        let settings = Settings { proxies, hops, password_min: 8 };
        caller(peer.parse().unwrap(), is_console, &metadata, &settings).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_says_who_calls_and_only_by_the_hop_it_appended() {
        for (peer, headers, expected) in [
            ("10.0.0.10", &["192.0.2.1"][..], "192.0.2.1"),
            ("10.0.0.10", &["198.51.100.1, 192.0.2.1"], "192.0.2.1"),
            ("10.0.0.10", &["198.51.100.1", "198.51.100.2,192.0.2.1 "], "192.0.2.1"),
            ("10.0.0.10", &[], "10.0.0.10"),
            ("10.0.0.10", &["198.51.100.1, 192.0.2.1:4711"], "192.0.2.1"),
            ("10.0.0.10", &["[2001:db8::1]:4711"], "2001:db8::1"),
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
        ] {
            assert_eq!(caller_of("10.0.0.10", hops, headers), expected, "{hops} {headers:?}");
        }
    }

    #[test]
    fn an_entry_that_is_not_an_address_shares_its_limits_with_no_other() {
        let [unknown, hidden] =
            ["192.0.2.1, unknown", "192.0.2.1, _hidden"].map(|header| caller_of("10.0.0.10", 0, &[header]));

        assert_ne!(unknown, hidden);
        assert_eq!(unknown, caller_of("10.0.0.10", 1, &["unknown, 203.0.113.1"]));
        for substitute in [unknown, hidden] {
            let address: IpAddr = substitute.parse().unwrap();
            assert!(substitute.starts_with("fd") && network(address) == address, "{substitute}");
        }
    }

    #[test]
    fn behind_the_console_its_peer_is_the_caller_or_the_trusted_proxy_that_says_who_is() {
        for (hops, headers, expected) in [
            // From a browser, which may have sent an entry itself.
            (0, &["192.0.2.1"][..], "192.0.2.1"),
            (0, &["198.51.100.1, 192.0.2.1"], "192.0.2.1"),
            (1, &["198.51.100.1, 192.0.2.1"], "192.0.2.1"),
            // Through the gateway, which appends the browser's address.
            (0, &["192.0.2.1, 10.0.0.10"], "192.0.2.1"),
            (0, &["198.51.100.1, 192.0.2.1, 10.0.0.10"], "192.0.2.1"),
            // Through a proxy in front of the gateway.
            (1, &["198.51.100.1, 192.0.2.1, 203.0.113.1, 10.0.0.10"], "192.0.2.1"),
            (0, &["10.0.0.10"], "10.0.0.10"),
            (0, &["192.0.2.1, unknown"], "10.0.0.20"),
            (0, &[], "10.0.0.20"),
        ] {
            assert_eq!(address_of("10.0.0.20", true, hops, headers), expected, "{hops} {headers:?}");
        }
        assert_eq!(address_of("10.0.0.20", false, 0, &["192.0.2.1"]), "10.0.0.20", "another caller is not believed");
    }
}
