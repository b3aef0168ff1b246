//! The composition root: builds the service from its configuration and runs it.

use std::{net::SocketAddr, sync::Arc};

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
    client::{Ledger, Provider, Providers, Stripe},
    config::Config,
    consumers, jobs,
    repository::PgPayments,
    service::PaymentService,
};

pub struct App {
    server: Server,
    guard: Guard,
    service: PaymentService,
    consumers: Vec<Consumer>,
    relay: Relay,
    jobs: Vec<Job>,
}

impl App {
    /// Builds the service and binds its listeners. It connects to the database and to other services later.
    pub async fn build(config: Config) -> anyhow::Result<Self> {
        crate::metrics::count_from_zero();
        let Config { server, identity, messaging, initial_balance, declines, stripe, webhook_secret } = config;
        let mut server = Server::bind(&SERVICE, server).await?;
        let ledger = Ledger::new(server.database()?, initial_balance, declines);
        let stripe = stripe.map(Stripe::new).transpose()?.map(|stripe| Arc::new(stripe) as Arc<dyn Provider>);
        let providers = Providers::new(Arc::new(ledger), stripe);
        let payments = Arc::new(PgPayments::new(server.database()?));
        let waker = Waker::default();
        let service = PaymentService::new(payments, providers, waker.clone());
        if let Some(secret) = &webhook_secret {
            server.add_to_admin(api::webhook::routes(service.clone(), secret));
        }
        let retention = server.retention(messaging.kafka.effect_retention())?;
        Ok(Self {
            guard: identity.guard(&server, api::RULES)?,
            consumers: messaging.consumers(&server, consumers::all(&service)),
            relay: messaging.relay(&server, &waker)?,
            jobs: vec![
                jobs::finish_payments(service.clone()),
                jobs::finish_refunds(service.clone()),
                jobs::report_backlog(service.clone()),
                retention.outbox(),
                retention.inbox(),
            ],
            service,
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

    /// Runs the service until `stop` is cancelled or a permanent failure occurs.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut tasks = self.server.start(&stop).await?.serve_grpc(api::services(self.service), self.guard);
        tasks.jobs(self.jobs);
        tasks.relay(self.relay);
        tasks.consumers(self.consumers);
        tasks.join().await
    }
}
