//! The shop's entrances: the addresses of order, iam and inventory.

use std::{fmt, net::SocketAddr, sync::Arc};

use anyhow::Context as _;
use client::{
    addresses::ShopAddresses,
    trust::{H2, HTTP1, Trust},
};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::net::lookup_host;

/// The entrances with their socket addresses.
#[derive(Clone)]
pub struct Entrances {
    pub order: Entrance,
    pub iam: Entrance,
    pub inventory: Entrance,
}

/// One entrance, displayed as its host and port.
#[derive(Clone)]
pub struct Entrance {
    pub address: SocketAddr,
    /// The URL, such as `https://localhost:443`.
    pub url: String,
    authority: String,
    /// `None` for plain text.
    pub(crate) tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
}

impl Entrances {
    pub async fn from_addresses(addresses: &ShopAddresses) -> anyhow::Result<Self> {
        let ShopAddresses { order, iam, inventory, trust } = addresses;
        Ok(Self {
            order: entrance(trust, order, HTTP1).await?,
            iam: entrance(trust, iam, H2).await?,
            inventory: entrance(trust, inventory, H2).await?,
        })
    }

    pub fn all(&self) -> [&Entrance; 3] {
        [&self.order, &self.iam, &self.inventory]
    }
}

impl fmt::Display for Entrance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.authority)
    }
}

/// Resolves a URL, or `host:port`, to an entrance with this protocol.
async fn entrance(trust: &Trust, place: &str, protocol: &[u8]) -> anyhow::Result<Entrance> {
    let url = trust.url(place)?;
    let host = url.host().with_context(|| format!("{place} has no host"))?;
    let (authority, host) =
        (url.authority().context("a URL with a host has an authority")?, host.trim_matches(['[', ']']));
    let is_over_tls = url.scheme_str() == Some("https");
    let port = url.port_u16().unwrap_or(if is_over_tls { 443 } else { 80 });
    let mut found = lookup_host((host, port)).await.with_context(|| format!("{place} is not found"))?;
    let address = found.next().with_context(|| format!("{place} has no address"))?;
    let name = ServerName::try_from(host.to_owned()).with_context(|| format!("{place} has no name"))?;
    let tls = trust.config(&[protocol]).filter(|_| is_over_tls).map(|config| (Arc::new(config), name));
    let scheme = if is_over_tls { "https" } else { "http" };
    Ok(Entrance { address, url: format!("{scheme}://{authority}"), authority: authority.to_string(), tls })
}
