//! The composition root, this system's DI container: the one place that knows concrete types.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use events::OrderCancelled;
use platform::{
    auth::{GrpcSessions, Guard, ServiceKey},
    grpc::{Peer, Services},
    health::{self, Condition, Readiness},
    http, inbox,
    kafka::Consumer,
    lease::PgLease,
    postgres::{self, Database},
    shutdown::Tasks,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    api::{self, CancelledOrders},
    client::{Ledger, Provider, Providers, Stripe},
    config::Config,
    repository::{MIGRATIONS, PgPayments},
    service::{GROUP_CANCELLED, PaymentService},
};

pub struct App {
    pool: Database,
    database: Condition,
    listener: TcpListener,
    admin: Option<TcpListener>,
    guard: Guard,
    service: PaymentService,
    consumer: Consumer,
    lease: Arc<PgLease>,
    keep: Duration,
    readiness: Readiness,
}

impl App {
    /// Puts the service together and binds its listeners; connects to nothing yet.
    pub async fn build(config: Config) -> anyhow::Result<Self> {
        let own = &config.own;
        let listener = http::bind("PAYMENT_LISTEN", own.payment_listen).await?;
        let admin = http::bind_admin("PAYMENT_ADMIN_LISTEN", own.payment_admin_listen).await?;
        let instance = config.kafka.instance_id(listener.local_addr()?);
        let pool = Database::lazy(
            "shipyard-payment",
            "PAYMENT_DATABASE_URL",
            &own.payment_database_url,
            own.payment_database_connections,
        )?;
        let key = ServiceKey::new("payment", &own.service_key)?;
        let iam = Peer::lazy("iam", "IAM_ADDRESS", &own.iam_address)?;
        let ledger = Ledger::new(pool.clone(), config.initial_balance, config.declines);
        let stripe = config.stripe.map(Stripe::new).transpose()?.map(|stripe| Arc::new(stripe) as Arc<dyn Provider>);
        let providers = Providers::new(Arc::new(ledger), stripe);
        let service = PaymentService::new(Arc::new(PgPayments::new(pool.clone())), providers);
        let readiness = Readiness::new(own.shutdown_drain);
        Ok(Self {
            database: readiness.condition("database"),
            guard: Guard::new(Arc::new(GrpcSessions::new(iam)), key, api::access),
            lease: Arc::new(PgLease::new(pool.clone(), "inbox", instance.clone())),
            keep: config.kafka.keep(),
            consumer: Consumer {
                group: GROUP_CANCELLED,
                topic: config.topics.of::<OrderCancelled>().to_owned(),
                config: config.kafka,
                instance_id: instance,
                handler: Arc::new(CancelledOrders { service: service.clone() }),
                joined: readiness.condition(GROUP_CANCELLED),
            },
            service,
            pool,
            listener,
            admin,
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
        tasks.spawn("database", |stop| postgres::watch(self.pool.clone(), self.database, stop));
        tasks.spawn("finisher", |stop| api::finish_payments(self.service, stop));
        tasks.spawn("consumer", |stop| self.consumer.run(stop));
        tasks.spawn("inbox", |stop| inbox::keep_swept(self.pool, self.lease, self.keep, stop));
        tasks.join().await
    }
}
