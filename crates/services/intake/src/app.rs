//! The composition root: builds the service from its configuration, with the repositories and clients of production.

use std::sync::Arc;

use contracts::events::ORDERS;
use platform::server::{App, Server};

use crate::{
    SERVICE, api,
    client::KafkaTopic,
    config::Config,
    consumers, jobs,
    repository::PgOrders,
    service::{Cache, IntakeService},
};

/// Builds the service and binds its listeners; connects to nothing yet.
pub async fn build(config: Config) -> anyhow::Result<App> {
    crate::metrics::count_from_zero(api::document());
    let Config { server, identity, messaging, own } = config;
    let server = Server::bind(&SERVICE, server).await?;
    let topic = KafkaTopic::new(&messaging.kafka, ORDERS.topic(&messaging.topics).to_owned())?;
    let service = IntakeService::new(
        Arc::new(PgOrders::new(server.database()?)),
        Arc::new(topic),
        Cache::new(own.intake_cache_capacity, own.cache_bytes(), own.intake_cache_ttl),
    );
    let guard = identity.guard(&server, &api::RULES)?;
    let router = api::router(service.clone(), &guard, server.readiness(), &own);
    let consumers = messaging.consumers(&server, consumers::all(&service));
    let retention = server.retention(messaging.kafka.effect_retention())?;
    let old = own.intake_retention.map(|age| server.retention(age)).transpose()?;
    let (loading, loaded) = (service.clone(), server.condition("cache"));
    Ok(App::new(server)
        .http(router)
        // Loads the cache before the consumer starts, so that newly consumed orders enter it after these older ones.
        .before_consuming(|stop| async move {
            jobs::preload_cache(&loading, &stop).await;
            loaded.set(true);
            Ok(())
        })
        .jobs([jobs::forget_erased_orders(service), jobs::remove_tombstones(&retention)])
        .jobs(old.as_ref().map(jobs::erase_old_orders))
        .consumers(consumers))
}
