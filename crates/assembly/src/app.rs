//! The composition root, this system's DI container: the one place that knows concrete types.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use events::{AssemblyFailed, OrderPaid, ShipAssembled};
use platform::{
    auth::{GrpcSessions, Guard, ServiceKey},
    grpc::{Peer, Services},
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
    api::{self, BuildTimes, PaidOrders},
    config::Config,
    repository::{MIGRATIONS, PgJobs},
    service::{AssemblyService, GROUP_PAID},
};

pub struct App {
    instance: String,
    /// How long rows that record effects are kept.
    keep: Duration,
    pool: Database,
    database: Condition,
    listener: TcpListener,
    admin: Option<TcpListener>,
    guard: Guard,
    service: AssemblyService,
    relay: Relay,
    consumer: Consumer,
    readiness: Readiness,
}

impl App {
    /// Puts the service together and binds its listeners; connects to nothing yet.
    pub async fn build(config: Config) -> anyhow::Result<Self> {
        let own = &config.own;
        let listener = http::bind("ASSEMBLY_LISTEN", own.assembly_listen).await?;
        let admin = http::bind_admin("ASSEMBLY_ADMIN_LISTEN", own.assembly_admin_listen).await?;
        let instance = config.kafka.instance_id(listener.local_addr()?);
        let pool = Database::lazy(
            "shipyard-assembly",
            "ASSEMBLY_DATABASE_URL",
            &own.assembly_database_url,
            own.assembly_database_connections,
        )?;
        let key = ServiceKey::new("assembly", &own.service_key)?;
        let iam = Peer::lazy("iam", "IAM_ADDRESS", &own.iam_address)?;
        let waker = Waker::default();
        let service = AssemblyService::new(Arc::new(PgJobs::new(pool.clone())), waker.clone());
        let routes = [config.topics.route::<ShipAssembled>(), config.topics.route::<AssemblyFailed>()];
        let readiness = Readiness::new(own.shutdown_drain);
        let times = BuildTimes {
            min: own.assembly_build_min,
            max: own.assembly_build_max,
            failure_rate: own.assembly_failure_rate,
        };
        Ok(Self {
            database: readiness.condition("database"),
            guard: Guard::new(Arc::new(GrpcSessions::new(iam)), key, api::access),
            relay: Relay::new(
                "assembly",
                Arc::new(PgOutbox::new(pool.clone(), instance.clone())),
                Arc::new(KafkaPublisher::new(&config.kafka)?),
                routes.into(),
                &waker,
            ),
            consumer: Consumer {
                group: GROUP_PAID,
                topic: config.topics.of::<OrderPaid>().to_owned(),
                config: config.kafka.clone(),
                instance_id: instance.clone(),
                handler: Arc::new(PaidOrders { service: service.clone(), times }),
                joined: readiness.condition(GROUP_PAID),
            },
            keep: config.kafka.keep(),
            instance,
            service,
            pool,
            listener,
            admin,
            readiness,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
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
        let grpc = Services::new().with(api::grpc(self.service.clone()));
        tasks.serve("grpc", |stop| grpc.serve(self.listener, self.guard, self.readiness, stop));
        let sweepers = Sweepers::new(&mut tasks, self.pool.clone(), self.instance);
        api::remove_old_rows(sweepers, self.pool.clone(), self.keep);
        tasks.spawn("database", |stop| postgres::watch(self.pool, self.database, stop));
        tasks.spawn("builder", |stop| api::build_ships(self.service, stop));
        tasks.spawn("outbox", |stop| self.relay.run(stop));
        tasks.spawn("consumer", |stop| self.consumer.run(stop));
        tasks.join().await
    }
}
