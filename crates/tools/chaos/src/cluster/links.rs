//! The network of the cluster: each connection between two programs goes through its own proxy.

use std::{collections::HashMap, fmt, net::SocketAddr};

use anyhow::Context as _;
use stand_ins::Proxy;

use operations::registry::{SERVICES, find, with_database};
use platform::server::service::Service;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Link {
    Front(&'static Service),
    Call(&'static Service, &'static Service),
    Database(&'static Service),
    Redis,
    Kafka,
    Provider,
    Telegram,
    /// From customers to the program that checks identities.
    Checker,
}

pub fn calls() -> Vec<Link> {
    let of = |service: &'static Service| {
        service.calls.iter().filter_map(move |call| Some(Link::Call(service, find(call.to)?)))
    };
    SERVICES.into_iter().flat_map(of).collect()
}

pub struct Links {
    proxies: HashMap<Link, Proxy>,
}

impl Links {
    /// Creates all links, without targets.
    pub async fn new() -> anyhow::Result<Self> {
        let databases = with_database().map(Link::Database);
        let servers = [Link::Redis, Link::Kafka, Link::Provider, Link::Telegram, Link::Checker];
        let mut proxies = HashMap::new();
        for link in SERVICES.map(Link::Front).into_iter().chain(calls()).chain(databases).chain(servers) {
            let proxy = Proxy::unaimed().await.with_context(|| format!("a proxy for {link}"))?;
            proxies.insert(link, proxy);
        }
        Ok(Self { proxies })
    }

    pub fn get(&self, link: Link) -> anyhow::Result<&Proxy> {
        self.proxies.get(&link).with_context(|| format!("there is no proxy for {link}"))
    }

    pub fn address(&self, link: Link) -> anyhow::Result<SocketAddr> {
        Ok(self.get(link)?.address())
    }

    /// Points every link to `service` at `targets`. Each target is a replica: its address for customers and its address
    /// for other services.
    pub fn aim(&self, service: &'static Service, targets: &[(SocketAddr, SocketAddr)]) {
        let (fronts, calls): (Vec<String>, Vec<String>) =
            targets.iter().map(|(front, call)| (front.to_string(), call.to_string())).unzip();
        for (link, proxy) in &self.proxies {
            match link {
                Link::Front(to) if *to == service => proxy.aim(fronts.clone()),
                Link::Call(_, to) if *to == service => proxy.aim(calls.clone()),
                _ => {}
            }
        }
    }

    pub fn restore_all(&self) {
        self.proxies.values().for_each(Proxy::restore);
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Front(service) => write!(f, "customers → {service}"),
            Self::Call(from, to) => write!(f, "{from} → {to}"),
            Self::Database(service) => write!(f, "{service} → its database"),
            Self::Redis => f.write_str("iam → Redis"),
            Self::Kafka => f.write_str("all → Kafka"),
            Self::Provider => f.write_str("payment → its provider"),
            Self::Telegram => f.write_str("notification → Telegram"),
            Self::Checker => f.write_str("customers → its checker"),
        }
    }
}
