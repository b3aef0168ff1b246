//! The composition root: builds the service from its configuration, with the repositories and clients of production.

use std::sync::Arc;

use contracts::identity::{FOR_USERS, GrpcSessions};
use outbox::Waker;
use platform::server::{App, Server};

use crate::{
    SERVICE, api,
    client::{Clients, GrpcDelivery, GrpcInventory, GrpcPayments, GrpcUsers},
    config::Config,
    consumers, jobs,
    repository::{Addresses, PgOrders, RedisStatusCache, Repositories},
    service::{DeliveryService, OrderService, Statuses},
};

/// Builds the service and binds its listeners. It connects to databases and to other services later.
pub async fn build(config: Config) -> anyhow::Result<App> {
    crate::metrics::count_from_zero(api::document());
    let Config { server, identity, messaging, own } = config;
    let server = Server::bind(&SERVICE, server).await?;
    let orders = Arc::new(PgOrders::new(server.database()?));
    let tracking = Arc::new(GrpcDelivery::new(server.peer("delivery", "DELIVERY_ADDRESS", &own.delivery_address)?));
    let cache = own.order_status_cache_url.as_ref().map(|url| server.redis("ORDER_STATUS_CACHE_URL", url));
    let statuses = cache.transpose()?.map(RedisStatusCache::new).map(Statuses::cached_in).unwrap_or_default();
    let deliveries = DeliveryService::new(orders.clone(), tracking).with_statuses(statuses.clone());
    let waker = Waker::default();
    // The guard and the client that looks up logins share a channel and its circuit breaker.
    let iam = identity.iam(&server)?;
    let clients = Clients {
        inventory: Arc::new(GrpcInventory::new(server.peer(
            "inventory",
            "INVENTORY_ADDRESS",
            &own.inventory_address,
        )?)),
        payments: Arc::new(GrpcPayments::new(server.peer("payment", "PAYMENT_ADDRESS", &own.payment_address)?)),
        users: Arc::new(GrpcUsers::new(iam.clone())),
    };
    let service = OrderService::new(Repositories::new(orders), clients, waker.clone(), own.order_payment_deadline)
        .with_max_unpaid(own.order_max_unpaid)
        .with_max_volume(own.order_delivery_max_volume)
        .with_statuses(statuses);
    let sessions = Arc::new(GrpcSessions::new(iam));
    let state = api::Api { service: service.clone(), deliveries: deliveries.clone() };
    let http = server.guard(sessions.clone(), &api::RULES);
    let router = api::router(state, http, server.readiness(), own.order_max_in_flight, &own.order_console_url);
    let guard = server.guard(sessions, api::grpc::RULES).for_users(FOR_USERS);
    let erasures = consumers::user_erased(Addresses::new(server.database()?));
    let consumers = messaging.consumers(&server, consumers::all(&service, &deliveries).into_iter().chain([erasures]));
    let relay = messaging.relay(&server, &waker)?;
    let (leases, retention) = (server.leases()?, server.retention(messaging.kafka.effect_retention())?);
    let addresses = server.retention(own.order_address_retention)?;
    Ok(App::new(server)
        .jobs(jobs::all(&service, leases))
        .jobs([retention.outbox(), retention.inbox(), jobs::remove_addresses(&addresses)])
        .http(router)
        .grpc(api::grpc::services(service, deliveries), guard)
        .consumers(consumers)
        .relay(relay))
}
