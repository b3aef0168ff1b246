//! The composition root: builds the service from its configuration, with the repositories and clients of production.

use std::sync::Arc;

use outbox::Waker;
use platform::server::{App, Server};

use crate::{
    SERVICE, api,
    client::{GrpcGeo, GrpcOrderAddresses},
    config::Config,
    consumers,
    generate::Generator,
    jobs,
    repository::PgRepository,
    service::{DeliveryService, Repositories},
};

/// Builds the service and binds its listeners; connects to nothing yet.
pub async fn build(config: Config) -> anyhow::Result<App> {
    crate::metrics::count_from_zero(api::document());
    let Config { server, identity, messaging, couriers, own } = config;
    let (server, waker) = (Server::bind(&SERVICE, server).await?, Waker::default());
    let service = DeliveryService::new(
        Repositories::new(Arc::new(PgRepository::new(server.database()?))),
        Arc::new(GrpcOrderAddresses::new(server.peer("order", "ORDER_ADDRESS", &own.order_address)?)),
        Arc::new(GrpcGeo::new(server.outside("geo", "GEO_ADDRESS", &own.geo_address)?)),
        waker.clone(),
        own.delivery_move_every,
    );
    let http = identity.guard(&server, &api::RULES)?;
    let http = if own.delivery_open { http.open() } else { http };
    let router = api::router(service.clone(), http, server.readiness());
    let guard = identity.guard(&server, api::grpc::RULES)?;
    let consumers = messaging.consumers(&server, consumers::all(&service, &Generator::default()));
    let relay = messaging.relay(&server, &waker)?;
    let (leases, retention) = (server.leases()?, server.retention(messaging.kafka.effect_retention())?);
    let seeding = service.clone();
    Ok(App::new(server)
        .before_serving(|stop| async move { Ok(jobs::seed_couriers(&seeding, &couriers, &stop).await?) })
        .jobs(jobs::all(&service, own.delivery_assign_every, own.delivery_move_every, leases))
        .jobs([jobs::remove_early_events(&retention), retention.outbox(), retention.inbox()])
        .grpc(api::grpc::services(service), guard)
        .http(router)
        .consumers(consumers)
        .relay(relay))
}
