//! The composition root: builds the service from its configuration and runs it.

use std::{net::SocketAddr, sync::Arc};

use platform::{
    auth::Guard,
    jobs::Job,
    kafka::Consumer,
    server::{Server, readiness::Readiness},
};
use tokio_util::sync::CancellationToken;

use crate::{
    SERVICE, api,
    client::GrpcExistingOrders,
    config::Config,
    consumers, jobs,
    model::NewPart,
    repository::{PgCatalogue, PgWarehouse},
    service::InventoryService,
};

pub struct App {
    server: Server,
    guard: Guard,
    service: InventoryService,
    catalogue: Vec<NewPart>,
    consumers: Vec<Consumer>,
    jobs: Vec<Job>,
}

impl App {
    /// Builds the service and binds its listeners. It connects to the database and to other services later.
    pub async fn build(config: Config) -> anyhow::Result<Self> {
        crate::metrics::count_from_zero();
        let Config { server, identity, messaging, order_address, reservation_ttl, catalogue } = config;
        let server = Server::bind(&SERVICE, server).await?;
        let parts = Arc::new(PgCatalogue::new(server.database()?));
        let warehouse = Arc::new(PgWarehouse::new(server.database()?));
        let orders = Arc::new(GrpcExistingOrders::new(server.peer("order", "ORDER_ADDRESS", &order_address)?));
        let service = InventoryService::new(parts, warehouse, orders, reservation_ttl);
        Ok(Self {
            guard: identity.guard(&server, api::RULES)?,
            consumers: messaging.consumers(&server, consumers::all(&service)),
            jobs: vec![
                jobs::expire_reservations(service.clone(), server.lease("expiry")?),
                server.retention(messaging.kafka.effect_retention())?.inbox(),
            ],
            service,
            catalogue,
            server,
        })
    }

    /// Returns the listening address, with the port that the system chose if the configured port is 0.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.server.address()
    }

    pub fn readiness(&self) -> Readiness {
        self.server.readiness()
    }

    /// Seeds the catalogue, then runs the service until `stop` is cancelled or a permanent failure occurs.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let started = self.server.start(&stop).await?;
        jobs::seed_catalogue(&self.service, &self.catalogue, &stop).await?;
        let mut tasks = started.serve_grpc(api::services(self.service), self.guard);
        tasks.jobs(self.jobs);
        tasks.consumers(self.consumers);
        tasks.join().await
    }
}
