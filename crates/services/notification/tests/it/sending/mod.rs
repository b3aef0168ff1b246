//! The sender with fakes of the messenger and of iam.

mod messages;
mod outages;
mod rate_limits;
mod replicas;

use std::{sync::Arc, time::Duration};

use contracts::ids::{OrderId, UserId};
use notification::{
    client::Limits,
    model::{Kind, NewNotification, Notification, NotificationId, Status},
    repository::{MIGRATIONS, PgNotifications},
    service::{Dispatcher, NotificationService, Sender, Templates},
};
use outbox::MemoryLease;
use platform::ids;
use serde_json::json;
use testkit::{Running, eventually, new_cause, new_order, new_user};
use tokio::sync::Notify;

use crate::fakes::{FakeMessenger, FakeUsers, SentMessage};

/// The delay before the retry of a message without a response: shorter than in production, but longer than the outages
/// of these tests.
const RETRY_DELAY: Duration = Duration::from_secs(4);
/// Limits the time from the end of an outage until the queue is empty, except for ambiguous notifications.
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(30);

/// The dependencies of a sender, which its replicas share.
struct Fixture {
    notifications: PgNotifications,
    users: FakeUsers,
    messenger: FakeMessenger,
    queued: Arc<Notify>,
    service: NotificationService,
    lease: MemoryLease,
}

impl Fixture {
    async fn new() -> Self {
        Self::with_limits(Limits::default()).await
    }

    async fn with_limits(limits: Limits) -> Self {
        let notifications = PgNotifications::new(testkit::database(&MIGRATIONS).await.pool);
        let queued = Arc::new(Notify::new());
        Self {
            service: NotificationService::new(notifications.clone(), queued.clone()),
            notifications,
            users: FakeUsers::default(),
            messenger: FakeMessenger::with_limits(limits),
            queued,
            lease: MemoryLease::new("first"),
        }
    }

    /// Starts a sender; `fallback` is the chat for users without one.
    fn sender(&self, lease: &MemoryLease, fallback: Option<&str>) -> Running {
        self.start(lease, fallback, true)
    }

    /// Starts a sender that writes only to confirmed contacts, and has a fallback chat.
    fn strict_sender(&self) -> Running {
        self.start(&self.lease, Some("fallback"), false)
    }

    fn start(&self, lease: &MemoryLease, fallback: Option<&str>, writes_to_unconfirmed: bool) -> Running {
        let dispatcher = Dispatcher {
            notifications: self.notifications.clone(),
            users: Arc::new(self.users.clone()),
            notifier: Arc::new(self.messenger.clone()),
            templates: Templates::load(None).unwrap(),
            fallback_chat: fallback.map(str::to_owned),
            writes_to_unconfirmed,
            ambiguous_retry_delay: RETRY_DELAY,
        };
        let sender = Sender::new(dispatcher, Arc::new(lease.clone()), self.queued.clone());
        testkit::run(|stop| sender.run(stop))
    }

    /// Queues the notification that an order was paid, for a new user with this chat.
    async fn paid(&self, chat: &str) -> OrderId {
        let (order, user) = (new_order(), new_user());
        self.users.set_chat(user, chat);
        self.queue(order, user, Kind::OrderPaid).await;
        order
    }

    async fn queue(&self, order: OrderId, user: UserId, kind: Kind) {
        let facts = json!({
            "payment_method": "CARD", "transaction_uuid": "t", "build_time_sec": 2, "reason": "BY_USER", "paid": false
        });
        let new = NewNotification { id: NotificationId::new(ids::ordered()), order, user, kind, facts };
        self.service.queue(new_cause(), &new).await.unwrap();
    }

    /// Waits until the order's only notification is sent or failed, and returns it.
    async fn ended(&self, order: OrderId) -> Notification {
        eventually(|| async { self.find(order).await.filter(|found| found.status != Status::Queued) }).await
    }

    async fn find(&self, order: OrderId) -> Option<Notification> {
        self.notifications.of_order(order).await.unwrap().into_iter().next()
    }

    /// The number of accepted messages about the order.
    fn times_sent(&self, order: OrderId) -> usize {
        self.messages_about(order).len()
    }

    fn messages_about(&self, order: OrderId) -> Vec<SentMessage> {
        self.messenger
            .sent()
            .into_iter()
            .filter(|message| message.notification.is_some_and(|(about, _)| about == order))
            .collect()
    }
}
