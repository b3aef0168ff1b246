//! The composition root, this service's hand-written DI container: the one place that knows concrete types.

use std::{net::SocketAddr, sync::Arc};

use axum::Router;
use platform::{
    auth::Guard,
    jobs::Job,
    kafka::Consumer,
    outbox::{Relay, Waker},
    server::{Server, readiness::Readiness},
};
use tokio_util::sync::CancellationToken;

use crate::{
    SERVICE, api,
    client::{GrpcGeo, GrpcOrderAddresses},
    config::Config,
    consumers, generate, jobs,
    model::NewCourier,
    repository::{LEASE_NAME, PgRepository},
    service::{DeliveryService, Repositories},
};

pub struct App {
    server: Server,
    guard: Guard,
    router: Router,
    service: DeliveryService,
    couriers: Vec<NewCourier>,
    consumers: Vec<Consumer>,
    relay: Relay,
    jobs: Vec<Job>,
}

impl App {
    /// Builds the service and binds its listeners; connects to nothing yet.
    pub async fn build(config: Config) -> anyhow::Result<Self> {
        crate::metrics::count_from_zero();
        let Config { server, identity, messaging, couriers, own } = config;
        let (server, waker) = (Server::bind(&SERVICE, server).await?, Waker::default());
        let service = DeliveryService::new(
            Repositories::new(Arc::new(PgRepository::new(server.database()?))),
            Arc::new(GrpcOrderAddresses::new(server.peer("order", "ORDER_ADDRESS", &own.order_address)?)),
            Arc::new(GrpcGeo::new(server.outside("geo", "GEO_ADDRESS", &own.geo_address)?)),
            waker.clone(),
            own.delivery_move_every,
        );
        let guard = identity.guard(&server, api::http::RULES)?;
        let http = if own.delivery_open { guard.open() } else { guard };
        let retention = server.retention(messaging.kafka.effect_retention())?;
        Ok(Self {
            guard: identity.guard(&server, api::grpc::RULES)?,
            router: api::http::router(service.clone(), http, server.readiness(), own.delivery_max_in_flight),
            consumers: messaging.consumers(&server, consumers::all(&service, &generate::Generator::default())),
            relay: messaging.relay(&server, &waker)?,
            jobs: vec![
                jobs::assign_orders(service.clone(), own.delivery_assign_every),
                jobs::move_couriers(service.clone(), server.lease(LEASE_NAME)?, own.delivery_move_every),
                jobs::report_counts(service.clone()),
                jobs::remove_early_events(&retention),
                retention.outbox(),
                retention.inbox(),
            ],
            service,
            couriers,
            server,
        })
    }

    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.server.address()
    }

    pub fn http_address(&self) -> anyhow::Result<SocketAddr> {
        self.server.second_address()
    }

    pub fn readiness(&self) -> Readiness {
        self.server.readiness()
    }

    /// Runs until `stop` or a permanent failure.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let started = self.server.start(&stop).await?;
        jobs::seed_couriers(&self.service, &self.couriers, &stop).await?;
        let mut tasks = started.serve_grpc_and_http(api::grpc::services(self.service), self.guard, self.router)?;
        tasks.jobs(self.jobs);
        tasks.relay(self.relay);
        tasks.consumers(self.consumers);
        tasks.join().await
    }
}
