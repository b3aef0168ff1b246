//! The composition root: builds the service from its configuration, with the repositories and clients of production.

use std::sync::Arc;

use outbox::Waker;
use platform::server::{App, Server};

use crate::{
    SERVICE, api,
    client::{BuiltIn, Checker, GrpcPayment, HttpChecker},
    config::Config,
    consumers, jobs,
    repository::PgRepository,
    service::CustomerService,
};

/// Builds the service and binds its listeners; connects to nothing yet.
pub async fn build(config: Config) -> anyhow::Result<App> {
    crate::metrics::count_from_zero();
    let Config { server, identity, messaging, kyc_provider, own } = config;
    let server = Server::bind(&SERVICE, server).await?;
    let checker: Arc<dyn Checker> = match kyc_provider {
        Some(url) => Arc::new(HttpChecker::new(url)?),
        None => Arc::new(BuiltIn::new(&own.kyc_decline_names)),
    };
    let waker = Waker::default();
    let service = CustomerService::new(
        PgRepository::new(server.database()?),
        checker,
        Arc::new(GrpcPayment::new(server.peer("payment", "PAYMENT_ADDRESS", &own.payment_address)?)),
        waker.clone(),
        own.loan_hold,
    );
    let guard = identity.guard(&server, api::RULES)?;
    let consumers = messaging.consumers(&server, consumers::all(&service));
    let relay = messaging.relay(&server, &waker)?;
    let (leases, retention) = (server.leases()?, server.retention(messaging.kafka.effect_retention())?);
    Ok(App::new(server)
        .jobs(jobs::all(&service, leases))
        .jobs([retention.outbox()])
        .grpc(api::services(service), guard)
        .consumers(consumers)
        .relay(relay))
}
