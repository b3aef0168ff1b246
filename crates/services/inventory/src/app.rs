//! The composition root: builds the service from its configuration, with the repositories and clients of production.

use std::sync::Arc;

use platform::server::{App, Server};

use crate::{
    SERVICE, api,
    client::GrpcExistingOrders,
    config::Config,
    consumers, jobs,
    repository::{PgCatalogue, PgWarehouse},
    service::InventoryService,
};

/// Builds the service and binds its listeners; connects to nothing yet.
pub async fn build(config: Config) -> anyhow::Result<App> {
    crate::metrics::count_from_zero();
    let Config { server, identity, messaging, order_address, reservation_ttl, reservation_max_share, catalogue } =
        config;
    let server = Server::bind(&SERVICE, server).await?;
    let parts = Arc::new(PgCatalogue::new(server.database()?));
    let warehouse = Arc::new(PgWarehouse::new(server.database()?));
    let orders = Arc::new(GrpcExistingOrders::new(server.peer("order", "ORDER_ADDRESS", &order_address)?));
    let service =
        InventoryService::new(parts, warehouse, orders, reservation_ttl).with_max_share(reservation_max_share);
    let guard = identity.guard(&server, api::RULES)?;
    let consumers = messaging.consumers(&server, consumers::all(&service));
    let (leases, retention) = (server.leases()?, server.retention(messaging.kafka.effect_retention())?);
    let seeding = service.clone();
    Ok(App::new(server)
        .before_serving(|stop| async move { Ok(jobs::seed_catalogue(&seeding, &catalogue, &stop).await?) })
        .jobs(jobs::all(&service, leases))
        .jobs([retention.inbox()])
        .grpc(api::services(service), guard)
        .consumers(consumers))
}
