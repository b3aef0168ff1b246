//! The composition root, this service's hand-written DI container: the one place that knows concrete types.

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
    client::{BuiltIn, Checker, GrpcPayment, HttpChecker},
    config::Config,
    consumers, jobs,
    repository::PgRepository,
    service::CustomerService,
};

pub struct App {
    server: Server,
    guard: Guard,
    service: CustomerService,
    consumers: Vec<Consumer>,
    relay: Relay,
    jobs: Vec<Job>,
}

impl App {
    /// Builds the service and binds its listeners; connects to nothing yet.
    pub async fn build(config: Config) -> anyhow::Result<Self> {
        crate::metrics::count_from_zero();
        let Config { server, identity, messaging, kyc_provider, own } = config;
        let server = Server::bind(&SERVICE, server).await?;
        let checker: Arc<dyn Checker> = match kyc_provider {
            Some(url) => Arc::new(HttpChecker::new(url)?),
            None => Arc::new(BuiltIn::new(&own.kyc_decline_names)),
        };
        let waker = Waker::default();
        let service = CustomerService::new(
            Arc::new(PgRepository::new(server.database()?)),
            checker,
            Arc::new(GrpcPayment::new(server.peer("payment", "PAYMENT_ADDRESS", &own.payment_address)?)),
            waker.clone(),
            own.loan_hold,
        );
        let retention = server.retention(messaging.kafka.effect_retention())?;
        Ok(Self {
            guard: identity.guard(&server, api::RULES)?,
            consumers: messaging.consumers(&server, [consumers::loan_approved(service.clone())]),
            relay: messaging.relay(&server, &waker)?,
            jobs: vec![
                jobs::check_customers(service.clone()),
                jobs::credit_loans(service.clone()),
                jobs::decide_loans(service.clone(), server.lease(jobs::DECIDE_LEASE)?),
                jobs::refuse_loans(service.clone(), server.lease(jobs::REFUSE_LEASE)?),
                retention.outbox(),
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
