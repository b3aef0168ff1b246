//! The composition root, this system's DI container: the one place that knows concrete types.

use std::{net::SocketAddr, sync::Arc};

use events::{OrderCancelled, OrderCreated, ShipAssembled};
use platform::{
    auth::{GrpcSessions, Guard, ServiceKey},
    grpc::{Peer, Services},
    health::{self, Condition, Readiness},
    http,
    kafka::{Consumer, Handler},
    lease::PgLease,
    postgres::{self, Database},
    shutdown::Tasks,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    api::{self, AssembledOrders, CancelledOrders, CreatedOrders},
    config::Config,
    repository::{MIGRATIONS, PgCatalogue, PgWarehouse},
    service::{GROUP_ASSEMBLED, GROUP_CANCELLED, GROUP_CREATED, InventoryService},
};

pub struct App {
    config: Config,
    instance: String,
    pool: Database,
    database: Condition,
    listener: TcpListener,
    admin: Option<TcpListener>,
    guard: Guard,
    service: InventoryService,
    consumers: [Consumer; 3],
    readiness: Readiness,
}

impl App {
    /// Puts the service together and binds its listeners; connects to nothing yet.
    pub async fn build(config: Config) -> anyhow::Result<Self> {
        crate::metrics::count_from_zero();
        let own = &config.own;
        let listener = http::bind("INVENTORY_LISTEN", own.inventory_listen).await?;
        let admin = http::bind_admin("INVENTORY_ADMIN_LISTEN", own.inventory_admin_listen).await?;
        let instance = config.kafka.instance_id(listener.local_addr()?);
        let url = &own.inventory_database_url;
        let pool =
            Database::lazy("shipyard-inventory", "INVENTORY_DATABASE_URL", url, own.inventory_database_connections)?;
        let key = ServiceKey::new("inventory", &own.service_key)?;
        let iam = Peer::lazy("iam", "IAM_ADDRESS", &own.iam_address)?;
        let catalogue = PgCatalogue::new(pool.clone());
        let warehouse = PgWarehouse::new(pool.clone());
        let service = InventoryService::new(Arc::new(catalogue), Arc::new(warehouse), own.inventory_reservation_ttl);
        let readiness = Readiness::new(own.shutdown_drain);
        let topics = &config.topics;
        let consumer = |group, topic: &str, handler: Arc<dyn Handler>| Consumer {
            group,
            topic: topic.to_owned(),
            config: config.kafka.clone(),
            instance_id: instance.clone(),
            handler,
            joined: readiness.condition(group),
        };
        Ok(Self {
            database: readiness.condition("database"),
            guard: Guard::new(Arc::new(GrpcSessions::new(iam)), key, api::access),
            consumers: [
                consumer(GROUP_CREATED, topics.of::<OrderCreated>(), Arc::new(CreatedOrders(service.clone()))),
                consumer(GROUP_CANCELLED, topics.of::<OrderCancelled>(), Arc::new(CancelledOrders(service.clone()))),
                consumer(GROUP_ASSEMBLED, topics.of::<ShipAssembled>(), Arc::new(AssembledOrders(service.clone()))),
            ],
            config,
            instance,
            pool,
            listener,
            admin,
            service,
            readiness,
        })
    }

    pub fn readiness(&self) -> Readiness {
        self.readiness.clone()
    }

    /// Where gRPC is served.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Runs until `stop` or a failure that no waiting mends.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let Self { pool, service, readiness, .. } = self;
        let mut tasks = Tasks::new(&stop);
        let open = pool.clone();
        tasks.close(async move { open.close().await });
        if let Some(admin) = self.admin {
            let routes = health::admin_routes(vec![readiness.clone()]);
            tasks.spawn("admin", |stop| http::serve(admin, routes, Readiness::default(), stop));
        }
        postgres::migrate(&pool, &MIGRATIONS, &stop).await?;
        api::seed(&service, &self.config.catalogue, &stop).await?;
        let grpc = Services::new().with(api::grpc(service.clone()));
        tasks.serve("grpc", |stop| grpc.serve(self.listener, self.guard, readiness, stop));
        for consumer in self.consumers {
            tasks.spawn("consumer", |stop| consumer.run(stop));
        }
        let lease = |name| Arc::new(PgLease::new(pool.clone(), name, self.instance.clone()));
        let (expiry, inbox) = (lease("expiry"), lease("inbox"));
        tasks.spawn("expiry", |stop| api::expire(service, expiry, stop));
        tasks.spawn("inbox", |stop| api::sweep_inbox(pool.clone(), inbox, self.config.kafka.keep(), stop));
        tasks.spawn("database", |stop| postgres::watch(pool, self.database, stop));
        tasks.join().await
    }
}
