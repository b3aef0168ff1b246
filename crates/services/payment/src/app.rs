//! The composition root: builds the service from its configuration, with the repositories and clients of production.

use std::sync::Arc;

use outbox::Waker;
use platform::server::{App, Server};

use crate::{
    SERVICE, api,
    client::{Ledger, Provider, Providers, Stripe},
    config::Config,
    consumers, jobs,
    repository::PgPayments,
    service::PaymentService,
};

/// Builds the service and binds its listeners. It connects to databases and to other services later.
pub async fn build(config: Config) -> anyhow::Result<App> {
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
    let guard = identity.guard(&server, api::RULES)?;
    let consumers = messaging.consumers(&server, consumers::all(&service));
    let relay = messaging.relay(&server, &waker)?;
    let retention = server.retention(messaging.kafka.effect_retention())?;
    Ok(App::new(server)
        .jobs(jobs::all(&service))
        .jobs([retention.outbox(), retention.inbox()])
        .grpc(api::services(service), guard)
        .consumers(consumers)
        .relay(relay))
}
