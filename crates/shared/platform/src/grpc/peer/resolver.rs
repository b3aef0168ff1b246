//! Resolution of host names to addresses.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;

#[async_trait]
pub trait Resolver: Send + Sync {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>>;
}

/// The resolver of the operating system, which uses the hosts file and DNS.
pub struct SystemResolver;

#[async_trait]
impl Resolver for SystemResolver {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((host, port)).await?.collect())
    }
}

/// An in-memory resolver that returns the same addresses for every name. Clones share them.
#[derive(Clone, Default)]
pub struct MemoryResolver(Arc<Mutex<Answer>>);

#[derive(Default)]
struct Answer {
    /// `None` while lookups fail.
    addresses: Option<Vec<SocketAddr>>,
    asked: u64,
}

impl MemoryResolver {
    /// Sets the addresses that lookups return. Before the first call, lookups fail.
    pub fn set(&self, addresses: &[SocketAddr]) {
        self.lock().addresses = Some(addresses.to_vec());
    }

    pub fn fail(&self) {
        self.lock().addresses = None;
    }

    pub fn asked(&self) -> u64 {
        self.lock().asked
    }

    fn lock(&self) -> MutexGuard<'_, Answer> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Resolver for MemoryResolver {
    async fn resolve(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        let mut answer = self.lock();
        answer.asked += 1;
        answer.addresses.clone().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks the contract of a resolver: a known name has addresses with the requested port; an unknown name is an
    /// error or has no addresses.
    async fn contract(resolver: &dyn Resolver, known: &str, unknown: Option<&str>) {
        let addresses = resolver.resolve(known, 7400).await.unwrap();
        assert!(addresses.contains(&"127.0.0.1:7400".parse().unwrap()), "{addresses:?}");
        if let Some(unknown) = unknown {
            assert!(resolver.resolve(unknown, 7400).await.is_ok_and(|none| none.is_empty()).then_some(()).is_none());
        }
    }

    #[tokio::test]
    async fn the_system_and_its_twin_know_the_addresses_of_a_name() {
        contract(&SystemResolver, "localhost", Some("no-such-host.invalid")).await;

        let twin = MemoryResolver::default();
        assert!(twin.resolve("iam", 7400).await.is_err());
        twin.set(&["127.0.0.1:7400".parse().unwrap()]);
        contract(&twin, "iam", None).await;
        twin.fail();
        assert!(twin.resolve("iam", 7400).await.is_err());
        assert_eq!(twin.asked(), 3);
    }
}
