//! Where the shop's entrances are: order's URL, and the addresses of iam and inventory.

use std::net::SocketAddr;

use anyhow::Context as _;
use client::shop::Shop;
use tokio::net::lookup_host;

#[derive(Clone, Debug)]
pub struct Places {
    /// Such as `http://127.0.0.1:8080`.
    pub order: String,
    /// Such as `127.0.0.1:50053`.
    pub iam: String,
    pub inventory: String,
}

/// The entrances as socket addresses.
#[derive(Clone, Copy, Debug)]
pub struct Entrances {
    pub order: SocketAddr,
    pub iam: SocketAddr,
    pub inventory: SocketAddr,
}

impl Places {
    /// A client of the shop with connections of its own.
    pub fn shop(&self) -> anyhow::Result<Shop> {
        Shop::at(&self.order, &self.iam, &self.inventory)
    }

    pub(crate) async fn resolve(&self) -> anyhow::Result<Entrances> {
        Ok(Entrances {
            order: address(&self.order).await?,
            iam: address(&self.iam).await?,
            inventory: address(&self.inventory).await?,
        })
    }
}

impl Entrances {
    pub fn all(&self) -> [SocketAddr; 3] {
        [self.order, self.iam, self.inventory]
    }
}

/// The first address of a URL, or of `host:port`.
async fn address(place: &str) -> anyhow::Result<SocketAddr> {
    let url = if place.contains("://") { place.to_owned() } else { format!("http://{place}") };
    let url = reqwest::Url::parse(&url).with_context(|| format!("{place} is not an address"))?;
    let host = url.host_str().with_context(|| format!("{place} has no host"))?.to_owned();
    let port = url.port_or_known_default().with_context(|| format!("{place} has no port"))?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let mut found = lookup_host((host, port)).await.with_context(|| format!("{place} is not found"))?;
    found.next().with_context(|| format!("{place} has no address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_url_and_a_plain_address_are_places() {
        assert_eq!(address("http://127.0.0.1:81").await.unwrap().port(), 81);
        assert_eq!(address("127.0.0.1:82").await.unwrap().port(), 82);
        assert_eq!(address("https://127.0.0.1").await.unwrap().port(), 443);
        assert_eq!(address("[::1]:83").await.unwrap().to_string(), "[::1]:83");
        assert!(address("nowhere at all").await.is_err());
    }
}
