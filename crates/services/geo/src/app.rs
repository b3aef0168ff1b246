//! The composition root, this service's hand-written DI container: the one place that knows concrete types.

use std::{net::SocketAddr, sync::Arc};

use platform::{
    auth::{Guard, MemorySessions},
    server::{Server, readiness::Readiness},
};
use tokio_util::sync::CancellationToken;

use crate::{SERVICE, api, config::Config, service::GeoService};

pub struct App {
    server: Server,
    guard: Guard,
    service: GeoService,
}

impl App {
    /// Builds the service and binds its listeners.
    pub async fn build(config: Config) -> anyhow::Result<Self> {
        let Config { server, streets } = config;
        let server = Server::bind(&SERVICE, server).await?;
        Ok(Self {
            // Every path is public, so the guard looks up no session.
            guard: server.guard(Arc::new(MemorySessions::default()), api::RULES),
            service: GeoService::new(streets),
            server,
        })
    }

    /// Returns the address on which the service listens, with the port chosen by the system if the configured one is 0.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.server.address()
    }

    pub fn readiness(&self) -> Readiness {
        self.server.readiness()
    }

    /// Runs until `stop` or a permanent failure.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        self.server.start(&stop).await?.serve_grpc(api::services(self.service), self.guard).join().await
    }
}
