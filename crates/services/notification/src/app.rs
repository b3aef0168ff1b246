//! The composition root, this service's hand-written DI container: the one place that knows concrete types.

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::AtomicBool},
};

use contracts::identity::GrpcSessions;
use platform::{auth::Guard, jobs::Job, kafka::Consumer, server::Server};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{
    SERVICE, api, client,
    config::Config,
    consumers, jobs,
    repository::{PgAlerts, PgNotifications, PgOffsets, prefer_index_scans},
    service::{Alerting, Bot, Dispatcher, NotificationService, STABLE_FOR, Sender, Templates},
};

pub struct App {
    server: Server,
    guard: Guard,
    service: NotificationService,
    consumers: Vec<Consumer>,
    jobs: Vec<Job>,
}

impl App {
    /// Builds the service and binds its listeners; connects to nothing yet.
    pub async fn build(config: Config) -> anyhow::Result<Self> {
        crate::metrics::count_from_zero();
        let Config { server, identity, messaging, own } = config;
        let mut server = Server::bind(&SERVICE, server).await?;
        prefer_index_scans(&server.database()?);
        let templates = Templates::load(own.notification_templates.as_deref())?;
        // The guard and the look-up of chats share a channel and its circuit breaker.
        let iam = identity.iam(&server)?;
        let messenger = client::messenger(&own, iam.clone())?;
        let notifications = Arc::new(PgNotifications::new(server.database()?));
        let queued = Arc::new(Notify::new());
        let service = NotificationService::new(notifications.clone(), queued.clone());
        let dispatcher = Dispatcher {
            notifications,
            users: messenger.users,
            notifier: messenger.notifier,
            templates: templates.clone(),
            fallback_chat: own.telegram_chat_id.clone(),
            writes_to_unconfirmed: own.writes_to_unconfirmed(),
            stable_for: STABLE_FOR,
            halted: AtomicBool::new(false),
        };
        let offsets = Arc::new(PgOffsets::new(server.database()?));
        // The name is in the database. If it changed, an old and a new replica could both run the bot during an upgrade.
        let lease = server.lease("greeter")?;
        let alerts = Arc::new(PgAlerts::new(server.database()?));
        server
            .add_to_admin(api::alerts::routes(Alerting::new(alerts, messenger.bot.clone().zip(own.telegram_chat_id))));
        let bot = messenger.bot.map(|api| Bot { api, offsets, lease, templates, contacts: messenger.contacts });
        let retention = server.retention(messaging.kafka.effect_retention())?;
        let mut jobs = vec![
            jobs::send_notifications(Sender::new(dispatcher, server.lease("sender")?, queued)),
            jobs::remove_old_notifications(&retention),
            jobs::remove_bot_offsets(&retention),
            jobs::remove_old_alerts(&retention),
            retention.inbox(),
        ];
        jobs.extend(bot.map(jobs::answer_commands));
        Ok(Self {
            guard: server.guard(Arc::new(GrpcSessions::new(iam)), api::RULES),
            consumers: messaging.consumers(&server, consumers::all(&service)),
            service,
            jobs,
            server,
        })
    }

    /// Returns the address on which the service listens, with the port chosen by the system if the configured one is 0.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.server.address()
    }

    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Runs until `stop` or a permanent failure.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut tasks = self.server.start(&stop).await?.serve_grpc(api::services(self.service), self.guard);
        tasks.jobs(self.jobs);
        tasks.consumers(self.consumers);
        tasks.join().await
    }
}
