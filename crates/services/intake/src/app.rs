//! The composition root, this service's hand-written DI container: the one place that knows concrete types.

use std::{net::SocketAddr, sync::Arc};

use axum::Router;
use contracts::events::ORDERS;
use platform::{
    jobs::Job,
    kafka::Consumer,
    server::{Server, readiness::Readiness},
};
use tokio_util::sync::CancellationToken;

use crate::{
    SERVICE, api,
    client::KafkaTopic,
    config::Config,
    consumers, jobs,
    repository::PgOrders,
    service::{Cache, IntakeService},
};

pub struct App {
    server: Server,
    router: Router,
    service: IntakeService,
    consumers: Vec<Consumer>,
    jobs: Vec<Job>,
}

impl App {
    /// Builds the service and binds its listeners; connects to nothing yet.
    pub async fn build(config: Config) -> anyhow::Result<Self> {
        crate::metrics::count_from_zero();
        let Config { server, identity, messaging, own } = config;
        let server = Server::bind(&SERVICE, server).await?;
        let topic = KafkaTopic::new(&messaging.kafka, ORDERS.topic(&messaging.topics).to_owned())?;
        let service = IntakeService::new(
            Arc::new(PgOrders::new(server.database()?)),
            Arc::new(topic),
            Cache::new(own.intake_cache_capacity, own.intake_cache_bytes, own.intake_cache_ttl),
        );
        let guard = identity.guard(&server, api::RULES)?;
        let record_life = server.retention(messaging.kafka.effect_retention())?;
        let mut jobs = vec![jobs::forget_erased_orders(service.clone()), jobs::remove_tombstones(&record_life)];
        if let Some(age) = own.intake_retention {
            jobs.push(jobs::erase_old_orders(&server.retention(age)?));
        }
        Ok(Self {
            router: api::router(service.clone(), &guard, server.readiness(), &own),
            consumers: messaging.consumers(&server, [consumers::orders(service.clone())]),
            jobs,
            service,
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
        let loaded = self.server.condition("cache");
        let started = self.server.start(&stop).await?;
        let mut tasks = started.serve_http(self.router);
        let service = self.service;
        let (consumers, jobs) = (self.consumers, self.jobs);
        // The cache is loaded before the consumer starts, because the orders that the consumer stores are newer than the loaded ones.
        jobs::preload_cache(&service, &stop).await;
        loaded.set(true);
        tasks.consumers(consumers);
        tasks.jobs(jobs);
        tasks.join().await
    }
}
