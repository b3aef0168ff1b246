//! The trusted proxies, from which the service accepts the address of a caller.

use std::{net::IpAddr, sync::Arc};

use ipnet::IpNet;
use platform::invalid::InvalidField;

#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Arc<[IpNet]>);

impl TrustedProxies {
    /// Parses a list of addresses and networks, such as `10.0.0.0/8`, separated by commas.
    pub fn parse(text: &str) -> Result<Self, InvalidField> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let networks = text.split(',').map(|one| {
            let one = one.trim();
            one.parse().or_else(|_| one.parse::<IpAddr>().map(IpNet::from)).map_err(|_| {
                let problem = "is not a list of addresses and networks such as 192.0.2.1,10.0.0.0/8";
                InvalidField::invalid("proxies", problem)
            })
        });
        networks.collect::<Result<_, _>>().map(Self)
    }

    pub fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_addresses_and_networks() {
        let proxies = TrustedProxies::parse("192.0.2.1, 10.0.0.0/8,2001:db8::/32").unwrap();
        let contain = |address: &str| proxies.contain(address.parse().unwrap());

        assert!(contain("192.0.2.1") && contain("10.1.2.3") && contain("2001:db8::7"));
        assert!(!contain("192.0.2.2") && !contain("11.0.0.1") && !contain("2001:db9::7"));
        assert!(!TrustedProxies::parse(" ").unwrap().contain("127.0.0.1".parse().unwrap()));
        for text in ["gateway", "10.0.0.0/33", "192.0.2.1,", "192.0.2.1 192.0.2.2"] {
            assert!(TrustedProxies::parse(text).is_err(), "{text}");
        }
    }
}
