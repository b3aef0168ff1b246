//! The composition root: builds the service from its configuration, with the repositories and clients of production.

use std::sync::Arc;

use contracts::identity::GrpcSessions;
use platform::{
    load_shed::Slots,
    server::{App, Server},
};

use crate::{
    SERVICE, api,
    client::{Customers, Delivery, Iam, Inventory, Notifications, Operations, Orders, Payments},
    config::Config,
    consumers, jobs,
    repository::{PgActions, PgTimeline},
    service::{Couriers, LagHistory, Live, LongActions, Receipts, Timelines, Work},
};

/// Builds the service and binds its listeners. It connects to databases and to other services later.
pub async fn build(config: Config, operations: Arc<dyn Operations>) -> anyhow::Result<App> {
    crate::metrics::count_from_zero(api::document());
    let Config { server, identity, messaging, own } = config;
    let is_secure = server.tls.is_some();
    let server = Server::bind(&SERVICE, server).await?;
    let timeline = Arc::new(PgTimeline::new(server.database()?));
    let live = Live::until(timeline.clone(), own.console_streams, &server.stopping());
    let as_user = |name, variable, address: &str| {
        server.channel(name, variable, address).map(platform::grpc::Peer::forwarding_credential)
    };
    let orders = Orders::new("order", server.channel("order", "ORDER_HTTP_ADDRESS", &own.order_http_address)?);
    let iam = server.channel("iam", "IAM_ADDRESS", &identity.iam_address)?;
    let delivery = server.channel("delivery", "DELIVERY_ADDRESS", &own.delivery_address)?;
    let delivery = Delivery::new(
        server.identify(delivery.clone()),
        delivery.forwarding_credential(),
        server.outside("geo", "GEO_ADDRESS", &own.geo_address)?,
    );
    let couriers = Couriers::new(delivery.clone(), timeline.clone());
    let guard = server.guard(Arc::new(GrpcSessions::new(server.identify(iam.clone()))), &api::RULES);
    let state = api::Api {
        iam: Iam::new(server.identify(iam.clone()), iam.forwarding_credential()),
        sessions: guard.sessions(),
        inventory: Inventory::new(as_user("inventory", "INVENTORY_ADDRESS", &own.inventory_address)?),
        payments: Payments::new(as_user("payment", "PAYMENT_ADDRESS", &own.payment_address)?),
        customers: Customers::new(as_user("customers", "CUSTOMERS_ADDRESS", &own.customers_address)?),
        timelines: Timelines::new(timeline.clone(), orders.clone()),
        orders,
        intake: Orders::new("intake", server.channel("intake", "INTAKE_ADDRESS", &own.intake_address)?),
        notifications: Notifications::new(as_user("notification", "NOTIFICATION_ADDRESS", &own.notification_address)?),
        delivery,
        couriers: couriers.clone(),
        timeline: timeline.clone(),
        actions: PgActions::new(server.database()?),
        receipts: Receipts::new(operations.clone(), timeline.clone()),
        lag: LagHistory::new(operations.clone()),
        operations,
        topics: messaging.topics.clone(),
        letter_work: Work::default(),
        audits: Work::default(),
        long_actions: LongActions::default(),
        live: live.clone(),
        exports: Slots::new(api::MAX_EXPORTS),
        is_secure,
        jaeger: own.console_jaeger_url.map(Into::into),
    };
    let (lag, long_actions) = (state.lag.clone(), state.long_actions.clone());
    let retention = server.retention(messaging.kafka.effect_retention())?;
    let router = api::router(state, &guard, server.readiness(), own.console_max_in_flight);
    let consumers = messaging.consumers(&server, consumers::all(timeline, live.clone()));
    Ok(App::new(server)
        .http(router)
        .consumers(consumers)
        .jobs(jobs::all(live, couriers, lag, long_actions))
        .jobs([jobs::remove_old_records(&retention)]))
}
