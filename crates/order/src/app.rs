//! The composition root, this system's DI container: the one place that knows concrete types.

use std::{sync::Arc, time::Duration};

use axum::Router;
use events::{AssemblyFailed, OrderCancelled, OrderCreated, OrderPaid, ShipAssembled};
use platform::{
    auth::{GrpcSessions, Guard, ServiceKey},
    grpc::Peer,
    health::{self, Condition, Readiness},
    http,
    kafka::{Consumer, KafkaPublisher},
    outbox::{PgOutbox, Relay, Waker},
    postgres::{self, Database},
    shutdown::Tasks,
    sweeper::Sweepers,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    api::{self, AssembledShips, FailedAssemblies},
    client::{GrpcInventory, GrpcPayments},
    config::Config,
    repository::{MIGRATIONS, PgOrders},
    service::{GROUP_ASSEMBLED, GROUP_ASSEMBLY_FAILED, OrderService},
};

pub struct App {
    pool: Database,
    database: Condition,
    listener: TcpListener,
    admin: Option<TcpListener>,
    router: Router,
    service: OrderService,
    relay: Relay,
    consumers: [Consumer; 2],
    instance: String,
    keep: Duration,
    readiness: Readiness,
}

impl App {
    /// Puts the service together and binds its listeners; connects to nothing yet.
    pub async fn build(config: Config) -> anyhow::Result<Self> {
        crate::metrics::count_from_zero();
        let Config { own, kafka, topics } = config;
        let listener = http::bind("ORDER_LISTEN", own.order_listen).await?;
        let admin = http::bind_admin("ORDER_ADMIN_LISTEN", own.order_admin_listen).await?;
        let instance = kafka.instance_id(listener.local_addr()?);
        let pool = Database::lazy(
            "shipyard-order",
            "ORDER_DATABASE_URL",
            &own.order_database_url,
            own.order_database_connections,
        )?;
        let key = ServiceKey::new("order", &own.service_key)?;
        let iam = Peer::lazy("iam", "IAM_ADDRESS", &own.iam_address)?;
        let inventory = Peer::lazy("inventory", "INVENTORY_ADDRESS", &own.inventory_address)?.identified(key.clone());
        let payment = Peer::lazy("payment", "PAYMENT_ADDRESS", &own.payment_address)?.identified(key.clone());
        let waker = Waker::default();
        let service = OrderService::new(
            Arc::new(PgOrders::new(pool.clone())),
            Arc::new(GrpcInventory::new(inventory)),
            Arc::new(GrpcPayments::new(payment)),
            waker.clone(),
            own.order_payment_deadline,
        );
        let readiness = Readiness::new(own.shutdown_drain);
        let guard = Guard::new(Arc::new(GrpcSessions::new(iam)), key, api::access);
        let relay = Relay::new(
            "order",
            Arc::new(PgOutbox::new(pool.clone(), instance.clone())),
            Arc::new(KafkaPublisher::new(&kafka)?),
            [topics.route::<OrderCreated>(), topics.route::<OrderPaid>(), topics.route::<OrderCancelled>()].into(),
            &waker,
        );
        let consumer = |group, topic: &str, handler| Consumer {
            group,
            topic: topic.to_owned(),
            config: kafka.clone(),
            instance_id: instance.clone(),
            handler,
            joined: readiness.condition(group),
        };
        Ok(Self {
            consumers: [
                consumer(GROUP_ASSEMBLED, topics.of::<ShipAssembled>(), Arc::new(AssembledShips(service.clone()))),
                consumer(
                    GROUP_ASSEMBLY_FAILED,
                    topics.of::<AssemblyFailed>(),
                    Arc::new(FailedAssemblies(service.clone())),
                ),
            ],
            database: readiness.condition("database"),
            router: api::router(service.clone(), guard, readiness.clone(), own.order_max_in_flight),
            keep: kafka.keep(),
            pool,
            listener,
            admin,
            service,
            relay,
            instance,
            readiness,
        })
    }

    pub fn readiness(&self) -> Readiness {
        self.readiness.clone()
    }

    /// Runs until `stop` or a failure that no waiting mends.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut tasks = Tasks::new(&stop);
        let open = self.pool.clone();
        tasks.close(async move { open.close().await });
        if let Some(admin) = self.admin {
            let routes = health::admin_routes(vec![self.readiness.clone()]);
            tasks.spawn("admin", |stop| http::serve(admin, routes, Readiness::default(), stop));
        }
        postgres::migrate(&self.pool, &MIGRATIONS, &stop).await?;
        tasks.serve("http", |stop| http::serve(self.listener, self.router, self.readiness, stop));
        let reconciler = self.service.clone();
        tasks.spawn("payment-attempts", |stop| async move { reconciler.reconcile(stop).await });
        api::sweep(self.service, Sweepers::new(&mut tasks, self.pool.clone(), self.instance), self.keep);
        tasks.spawn("database", |stop| postgres::watch(self.pool, self.database, stop));
        tasks.spawn("outbox", |stop| self.relay.run(stop));
        for consumer in self.consumers {
            tasks.spawn("consumer", |stop| consumer.run(stop));
        }
        tasks.join().await
    }
}
