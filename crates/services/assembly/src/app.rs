//! The composition root, this service's hand-written DI container: the one place that knows concrete types.

use std::{net::SocketAddr, sync::Arc};

use platform::{
    auth::Guard,
    jobs::Job,
    kafka::Consumer,
    outbox::{Relay, Waker},
    random::Random,
    server::{Server, readiness::Readiness},
};
use tokio_util::sync::CancellationToken;

use crate::{
    SERVICE, api, config::Config, consumers, jobs, model::BuildTimes, repository::PgBuilds, service::AssemblyService,
};

pub struct App {
    server: Server,
    guard: Guard,
    service: AssemblyService,
    consumers: Vec<Consumer>,
    relay: Relay,
    jobs: Vec<Job>,
}

impl App {
    /// Builds the service and binds its listeners; connects to nothing yet.
    pub async fn build(config: Config) -> anyhow::Result<Self> {
        crate::metrics::count_from_zero();
        let Config { server, identity, messaging, own } = config;
        let server = Server::bind(&SERVICE, server).await?;
        let waker = Waker::default();
        let service = AssemblyService::new(Arc::new(PgBuilds::new(server.database()?)), waker.clone());
        let times = BuildTimes {
            min: own.assembly_build_min,
            max: own.assembly_build_max,
            failure_rate: own.assembly_failure_rate,
        };
        let retention = server.retention(messaging.kafka.effect_retention())?;
        Ok(Self {
            guard: identity.guard(&server, api::RULES)?,
            consumers: messaging.consumers(&server, consumers::all(&service, times, Random::default())),
            relay: messaging.relay(&server, &waker)?,
            jobs: vec![
                jobs::finish_builds(service.clone()),
                jobs::remove_old_builds(&retention),
                retention.outbox(),
                retention.inbox(),
            ],
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
        let mut tasks = self.server.start(&stop).await?.serve_grpc(api::services(self.service), self.guard);
        tasks.jobs(self.jobs);
        tasks.relay(self.relay);
        tasks.consumers(self.consumers);
        tasks.join().await
    }
}
