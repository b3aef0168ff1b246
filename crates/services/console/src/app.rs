//! The composition root: builds the service from its configuration, with the repositories and clients of production.

use std::sync::Arc;

use contracts::identity::GrpcSessions;
use platform::{
    server::{App, Server},
    slots::Slots,
};

use crate::{
    SERVICE, api,
    client::{Iam, Operations, Orders, Playground, Services},
    config::Config,
    consumers, jobs,
    repository::{PgReceipts, PgTimeline},
    service::{Couriers, Live, SignedReceipts, Timelines},
};

/// Builds the service and binds its listeners. It connects to databases and to other services later.
pub async fn build(config: Config) -> anyhow::Result<App> {
    crate::metrics::count_from_zero(api::document());
    let Config { server, identity, messaging, own, receipt_keys } = config;
    let is_secure = server.tls.is_some();
    let server = Server::bind(&SERVICE, server).await?;
    let timeline = Arc::new(PgTimeline::new(server.database()?));
    let live = Live::new(timeline.clone(), own.console_streams, &server.stopping());
    let orders = Orders::new("order", server.channel("order", "ORDER_HTTP_ADDRESS", &own.order_http_address)?);
    let iam = server.channel("iam", "IAM_ADDRESS", &identity.iam_address)?;
    let services = Services::connect(&server, &own)?;
    let operations = server.channel("operations", "OPERATIONS_ADDRESS", &own.operations_address)?;
    let couriers = Couriers::new(services.clone(), timeline.clone());
    let guard = server.guard(Arc::new(GrpcSessions::new(server.identify(iam.clone()))), &api::RULES);
    let state = api::Api {
        iam: Iam::new(server.identify(iam.clone()), iam.forwarding_credential()),
        sessions: guard.sessions(),
        timelines: Timelines::new(timeline.clone(), orders.clone()),
        orders,
        intake: Orders::new("intake", server.channel("intake", "INTAKE_ADDRESS", &own.intake_address)?),
        services,
        couriers: couriers.clone(),
        operations: Operations::new(operations.forwarding_credential()),
        receipts: SignedReceipts::new(PgReceipts::new(server.database()?), receipt_keys),
        topics: messaging.topics.clone(),
        live: live.clone(),
        exports: Slots::new(api::MAX_EXPORTS),
        is_secure,
        jaeger: own.console_jaeger_url.map(Into::into),
        playground: own.playground_url.as_deref().map(Playground::new).transpose()?,
    };
    let retention = server.retention(messaging.kafka.effect_retention())?;
    let router = api::router(state, &guard, server.readiness(), own.console_max_in_flight);
    let consumers = messaging.consumers(&server, consumers::all(timeline, live.clone()));
    Ok(App::new(server)
        .http(router)
        .consumers(consumers)
        .jobs(jobs::all(live, couriers))
        .jobs([jobs::remove_old_records(&retention)]))
}
