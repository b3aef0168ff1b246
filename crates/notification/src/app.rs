//! The composition root, this system's DI container: the one place that knows concrete types.

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use events::{OrderCancelled, OrderPaid, ShipAssembled};
use platform::{
    auth::{GrpcSessions, Guard, ServiceKey},
    grpc::{Peer, Services},
    health::{self, Condition, Readiness},
    http,
    kafka::Consumer,
    lease::PgLease,
    postgres::{self, Database},
    shutdown::Tasks,
    sweeper::{Done, Sweepers},
};
use tokio::{net::TcpListener, sync::Notify};
use tokio_util::sync::CancellationToken;

use crate::{
    api::{self, Happened, Tells},
    client,
    config::Config,
    repository::{MIGRATIONS, Notifications as _, Offsets as _, PgNotifications, PgOffsets, go_by_indexes},
    service::{Courier, Greeter, NotificationService, STABLE_FOR, Sender, Templates},
};

/// How often rows that have outlived the topics' records are looked for, and how many are removed at once.
const RETENTION: Duration = Duration::from_mins(1);
const FORGOTTEN: i64 = 5_000;

pub struct App {
    config: Config,
    instance: String,
    pool: Database,
    database: Condition,
    listener: TcpListener,
    admin: Option<TcpListener>,
    guard: Guard,
    service: NotificationService,
    sender: Sender,
    greeter: Option<Greeter>,
    consumers: [Consumer; 3],
    readiness: Readiness,
}

impl App {
    /// Puts the service together and binds its listeners; connects to nothing yet.
    pub async fn build(config: Config) -> anyhow::Result<Self> {
        crate::metrics::count_from_zero();
        let own = &config.own;
        let listener = http::bind("NOTIFICATION_LISTEN", own.notification_listen).await?;
        let admin = http::bind_admin("NOTIFICATION_ADMIN_LISTEN", own.notification_admin_listen).await?;
        let instance = config.kafka.instance_id(listener.local_addr()?);
        let (url, size) = (&own.notification_database_url, own.notification_database_connections);
        let pool = Database::lazy("shipyard-notification", "NOTIFICATION_DATABASE_URL", url, size)?;
        go_by_indexes(&pool);
        let lease = |name| Arc::new(PgLease::new(pool.clone(), name, instance.clone()));
        let key = ServiceKey::new("notification", &own.service_key)?;
        let iam = Peer::lazy("iam", "IAM_ADDRESS", &own.iam_address)?;
        let templates = Templates::load(own.notification_templates.as_deref())?;
        let messenger = client::messenger(own, iam.clone().identified(key.clone()))?;
        let notifications = Arc::new(PgNotifications::new(pool.clone()));
        let queued = Arc::new(Notify::new());
        let service = NotificationService::new(notifications.clone(), queued.clone());
        let courier = Courier {
            notifications,
            users: messenger.users,
            notifier: messenger.notifier,
            templates: templates.clone(),
            fallback: own.telegram_chat_id.clone(),
            stable_for: STABLE_FOR,
            halted: AtomicBool::new(false),
        };
        let offsets = Arc::new(PgOffsets::new(pool.clone()));
        let greeter = messenger.bot.map(|bot| Greeter { bot, offsets, lease: lease("greeter"), templates });
        let readiness = Readiness::new(own.shutdown_drain);
        Ok(Self {
            consumers: [
                consumer::<OrderPaid>(&config, &instance, &service, &readiness),
                consumer::<ShipAssembled>(&config, &instance, &service, &readiness),
                consumer::<OrderCancelled>(&config, &instance, &service, &readiness),
            ],
            database: readiness.condition("database"),
            guard: Guard::new(Arc::new(GrpcSessions::new(iam)), key, api::access),
            sender: Sender::new(courier, lease("sender"), queued),
            greeter,
            service,
            config,
            instance,
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
        let grpc = Services::new().with(api::grpc(self.service));
        tasks.serve("grpc", |stop| grpc.serve(self.listener, self.guard, self.readiness, stop));
        tasks.spawn("sender", |stop| self.sender.run(stop));
        if let Some(greeter) = self.greeter {
            tasks.spawn("greeter", |stop| greeter.run(stop));
        }
        for consumer in self.consumers {
            tasks.spawn("consumer", |stop| consumer.run(stop));
        }
        let keep = self.config.kafka.keep();
        let (notifications, offsets) = (PgNotifications::new(self.pool.clone()), PgOffsets::new(self.pool.clone()));
        Sweepers::new(&mut tasks, self.pool.clone(), self.instance)
            .every(RETENTION, "notifications", move || {
                let notifications = notifications.clone();
                async move { Ok(Done::of(notifications.forget(keep, FORGOTTEN).await?, FORGOTTEN.cast_unsigned())) }
            })
            .every(RETENTION, "bot_offsets", move || {
                let offsets = offsets.clone();
                async move { Ok(Done::of(offsets.forget(keep, FORGOTTEN).await?, FORGOTTEN.cast_unsigned())) }
            })
            .inbox(keep);
        tasks.spawn("database", |stop| postgres::watch(self.pool, self.database, stop));
        tasks.join().await
    }
}

fn consumer<E: Tells>(
    config: &Config,
    instance: &str,
    service: &NotificationService,
    readiness: &Readiness,
) -> Consumer {
    Consumer {
        group: E::GROUP,
        topic: config.topics.of::<E>().to_owned(),
        config: config.kafka.clone(),
        instance_id: instance.to_owned(),
        handler: Arc::new(Happened::<E>::new(service.clone())),
        joined: readiness.condition(E::GROUP),
    }
}
