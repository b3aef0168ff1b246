//! The composition root: builds the service from its configuration, with the repositories and clients of production.

use std::sync::Arc;

use outbox::Waker;
use platform::{
    random::Random,
    server::{App, Server},
};

use crate::{
    SERVICE, api, config::Config, consumers, jobs, model::BuildTimes, repository::PgBuilds, service::AssemblyService,
};

/// Builds the service and binds its listeners; connects to nothing yet.
pub async fn build(config: Config) -> anyhow::Result<App> {
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
    let guard = identity.guard(&server, api::RULES)?;
    let consumers = messaging.consumers(&server, consumers::all(&service, times, Random::default()));
    let relay = messaging.relay(&server, &waker)?;
    let retention = server.retention(messaging.kafka.effect_retention())?;
    Ok(App::new(server)
        .jobs(jobs::all(&service))
        .jobs([jobs::remove_old_builds(&retention), retention.outbox(), retention.inbox()])
        .grpc(api::services(service), guard)
        .consumers(consumers)
        .relay(relay))
}
