//! The composition root, this service's hand-written DI container: the one place that knows concrete types.

use std::{net::SocketAddr, sync::Arc};

use axum::Router;
use platform::{
    health::Readiness,
    jobs::Job,
    kafka::Consumer,
    outbox::{Relay, Waker},
    server::Server,
};
use tokio_util::sync::CancellationToken;

use crate::{
    SERVICE, api,
    client::{GrpcInventory, GrpcPayments},
    config::Config,
    consumers, jobs,
    repository::{PgOrders, Repositories},
    service::OrderService,
};

pub struct App {
    server: Server,
    router: Router,
    consumers: Vec<Consumer>,
    relay: Relay,
    jobs: Vec<Job>,
}

impl App {
    /// Puts the service together and binds its listeners; connects to nothing yet.
    pub async fn build(config: Config) -> anyhow::Result<Self> {
        crate::metrics::count_from_zero();
        let Config { server, identity, messaging, own } = config;
        let server = Server::bind(&SERVICE, server).await?;
        let inventory = server.peer("inventory", "INVENTORY_ADDRESS", &own.inventory_address)?;
        let payment = server.peer("payment", "PAYMENT_ADDRESS", &own.payment_address)?;
        let waker = Waker::default();
        let service = OrderService::new(
            Repositories::new(Arc::new(PgOrders::new(server.database()))),
            Arc::new(GrpcInventory::new(inventory)),
            Arc::new(GrpcPayments::new(payment)),
            waker.clone(),
            own.order_payment_deadline,
        );
        let guard = identity.guard(&server, api::access)?;
        let subscriptions = [consumers::ship_assembled(service.clone()), consumers::assembly_failed(service.clone())];
        let retention = server.retention(messaging.kafka.effect_retention());
        Ok(Self {
            router: api::router(service.clone(), guard, server.readiness(), own.order_max_in_flight),
            consumers: messaging.consumers(&server, subscriptions),
            relay: messaging.relay(&server, &waker)?,
            jobs: vec![
                jobs::settle_attempts(service.clone()),
                jobs::cancel_overdue_orders(service.clone(), server.lease("payment-deadlines")),
                jobs::remove_idempotency_keys(service, server.lease("idempotency-keys")),
                retention.outbox(),
                retention.inbox(),
            ],
            server,
        })
    }

    /// Where it listens, the port that the system chose included.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.server.address()
    }

    pub fn readiness(&self) -> Readiness {
        self.server.readiness()
    }

    /// Runs until `stop` or a failure that no waiting mends.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut tasks = self.server.start(&stop).await?.serve_http(self.router);
        tasks.jobs(self.jobs);
        tasks.relay(self.relay);
        tasks.consumers(self.consumers);
        tasks.join().await
    }
}
