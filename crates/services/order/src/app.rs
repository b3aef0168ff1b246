//! The composition root: builds the service from its configuration and runs it.

use std::{net::SocketAddr, sync::Arc};

use axum::Router;
use contracts::identity::GrpcSessions;
use platform::outbox::{Relay, Waker};
use platform::server::{Server, readiness::Readiness};
use platform::{auth::Guard, grpc::Services, jobs::Job, kafka::Consumer};
use tokio_util::sync::CancellationToken;

use crate::{
    SERVICE, api,
    client::{GrpcDelivery, GrpcInventory, GrpcPayments, GrpcUsers},
    config::Config,
    consumers, jobs,
    repository::{PgOrders, RedisStatusCache, Repositories},
    service::{DeliveryService, OrderService, Statuses},
};

pub struct App {
    server: Server,
    router: Router,
    grpc: (Services, Guard),
    consumers: Vec<Consumer>,
    relay: Relay,
    jobs: Vec<Job>,
}

impl App {
    /// Builds the service and binds its listeners. It connects to databases and to other services later.
    pub async fn build(config: Config) -> anyhow::Result<Self> {
        crate::metrics::count_from_zero(api::document());
        let Config { server, identity, messaging, own } = config;
        let server = Server::bind(&SERVICE, server).await?;
        let orders = Arc::new(PgOrders::new(server.database()?));
        let tracking =
            Arc::new(GrpcDelivery::new(server.peer("delivery", "DELIVERY_ADDRESS", &own.delivery_address)?));
        let cache = own.order_status_cache_url.as_ref().map(|url| server.redis("ORDER_STATUS_CACHE_URL", url));
        let statuses = cache.transpose()?.map(RedisStatusCache::new).map(Statuses::cached_in).unwrap_or_default();
        let deliveries = DeliveryService::new(orders.clone(), tracking, own.order_delivery_max_volume)
            .with_statuses(statuses.clone());
        let waker = Waker::default();
        // The guard and the client that looks up logins share a channel and its circuit breaker.
        let iam = identity.iam(&server)?;
        let service = OrderService::new(
            Repositories::new(orders),
            Arc::new(GrpcInventory::new(server.peer("inventory", "INVENTORY_ADDRESS", &own.inventory_address)?)),
            Arc::new(GrpcPayments::new(server.peer("payment", "PAYMENT_ADDRESS", &own.payment_address)?)),
            waker.clone(),
            own.order_payment_deadline,
        )
        .with_max_unpaid(own.order_max_unpaid)
        .with_statuses(statuses)
        .with_users(Arc::new(GrpcUsers::new(iam.clone())));
        let sessions = Arc::new(GrpcSessions::new(iam));
        let guard = server.guard(sessions.clone(), api::RULES);
        let state = api::Api { service: service.clone(), deliveries: deliveries.clone() };
        let router = api::router(state, guard, server.readiness(), own.order_max_in_flight);
        let retention = server.retention(messaging.kafka.effect_retention())?;
        Ok(Self {
            router: api::browser::led_to(&own.order_console_url, router),
            grpc: (api::grpc::services(service.clone(), deliveries.clone()), server.guard(sessions, api::grpc::RULES)),
            consumers: messaging.consumers(&server, consumers::all(&service, &deliveries)),
            relay: messaging.relay(&server, &waker)?,
            jobs: vec![
                jobs::reconcile_payments(service.clone()),
                jobs::pay_from_balances(service.clone()),
                jobs::cancel_overdue_orders(service.clone(), server.lease("payment-deadlines")?),
                jobs::remove_idempotency_keys(service, server.lease("idempotency-keys")?),
                retention.outbox(),
                retention.inbox(),
            ],
            server,
        })
    }

    /// Returns the address of the HTTP API, with the port that the system chose if the configured port is 0.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.server.address()
    }

    pub fn grpc_address(&self) -> anyhow::Result<SocketAddr> {
        self.server.second_address()
    }

    pub fn readiness(&self) -> Readiness {
        self.server.readiness()
    }

    /// Runs the service until `stop` is cancelled or a permanent failure occurs.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let (services, guard) = self.grpc;
        let mut tasks = self.server.start(&stop).await?.serve_grpc_and_http(services, guard, self.router)?;
        tasks.jobs(self.jobs);
        tasks.relay(self.relay);
        tasks.consumers(self.consumers);
        tasks.join().await
    }
}
