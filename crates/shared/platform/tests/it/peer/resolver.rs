//! A resolver whose results a test chooses.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use platform::grpc::Resolver;

/// A resolver that returns the same addresses for every name. Clones share them.
#[derive(Clone, Default)]
pub struct MemoryResolver(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
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

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Resolver for MemoryResolver {
    async fn resolve(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        let mut state = self.lock();
        state.asked += 1;
        state.addresses.clone().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}
