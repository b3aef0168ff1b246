//! The composition root: builds the service from its configuration, with the repositories and clients of production.

use std::sync::Arc;

use contracts::identity::{FOR_USERS, GrpcSessions};
use platform::server::{App, Server};
use tokio::sync::Notify;

use crate::{
    SERVICE, api, client,
    config::Config,
    consumers, jobs,
    repository::{PgNotifications, PgOffsets, prefer_index_scans},
    service::{AMBIGUOUS_RETRY_DELAY, Bot, Dispatcher, NotificationService, Sender, Templates},
};

/// Builds the service and binds its listeners; connects to nothing yet.
pub async fn build(config: Config) -> anyhow::Result<App> {
    crate::metrics::count_from_zero();
    let Config { server, identity, messaging, own } = config;
    let server = Server::bind(&SERVICE, server).await?;
    prefer_index_scans(&server.database()?);
    let templates = Templates::load(own.notification_templates.as_deref())?;
    // The guard and the look-up of chats share a channel and its circuit breaker.
    let iam = identity.iam(&server)?;
    let messenger = client::messenger(&own, iam.clone())?;
    let notifications = PgNotifications::new(server.database()?);
    let queued = Arc::new(Notify::new());
    let service = NotificationService::new(notifications.clone(), queued.clone());
    let dispatcher = Dispatcher {
        notifications,
        users: messenger.users,
        notifier: messenger.notifier,
        templates: templates.clone(),
        fallback_chat: own.telegram_chat_id.clone(),
        writes_to_unconfirmed: own.writes_to_unconfirmed(),
        ambiguous_retry_delay: AMBIGUOUS_RETRY_DELAY,
    };
    // The leases' names in the database. If a name changed, an old and a new replica could both hold the lease during
    // an upgrade.
    let leases = server.leases()?;
    let sender = Sender::new(dispatcher, leases("sender"), queued);
    let offsets = PgOffsets::new(server.database()?);
    let bot = messenger.bot.map(|api| Bot {
        api,
        offsets,
        lease: leases("greeter"),
        templates,
        contacts: messenger.contacts,
    });
    let guard = server.guard(Arc::new(GrpcSessions::new(iam)), api::RULES).for_users(FOR_USERS);
    let consumers = messaging.consumers(&server, consumers::all(&service));
    let retention = server.retention(messaging.kafka.effect_retention())?;
    Ok(App::new(server)
        .grpc(api::services(service), guard)
        .jobs(jobs::all(sender, bot, &retention))
        .consumers(consumers))
}
