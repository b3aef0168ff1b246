//! The Telegram client against a stand-in that accepts messages and answers 502.

use std::{sync::Arc, time::Duration};

use contracts::ids::{OrderId, UserId};
use notification::{
    client::Telegram,
    model::{Kind, NewNotification, NotificationId, Status},
    repository::{MIGRATIONS, Notifications as _, PgNotifications},
    service::{Dispatcher, NotificationService, Sender, Templates},
};
use platform::{ids, lease::MemoryLease};
use serde_json::json;
use stand_ins::TelegramMode;
use testkit::eventually;
use tokio::sync::Notify;

use crate::{fakes::FakeUsers, new_cause};

const TOKEN: &str = "123456:token";
/// Short, since the test runs in real time.
const STABLE_FOR: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_message_answered_with_502_is_repeated_at_most_once_and_marked_ambiguous() {
    let stand_in = stand_ins::Telegram::start(TOKEN).await.unwrap();
    let telegram = Telegram::new(&stand_in.url(), &TOKEN.into(), Duration::from_secs(5)).unwrap();
    let notifications = PgNotifications::new(testkit::database(&MIGRATIONS).await.pool);
    let queued = Arc::new(Notify::new());
    let dispatcher = Dispatcher {
        notifications: Arc::new(notifications.clone()),
        users: Arc::new(FakeUsers::default()),
        notifier: Arc::new(telegram),
        templates: Templates::load(None).unwrap(),
        fallback_chat: Some("42".to_owned()),
        writes_to_unconfirmed: true,
        stable_for: STABLE_FOR,
    };
    let sender = Sender::new(dispatcher, Arc::new(MemoryLease::new("first")), queued.clone());
    let _sender = testkit::run(|stop| sender.run(stop));
    let service = NotificationService::new(Arc::new(notifications.clone()), queued);
    let order = OrderId::new(ids::random());
    let new = NewNotification {
        id: NotificationId::new(ids::ordered()),
        order,
        user: UserId::new(ids::random()),
        kind: Kind::ShipAssembled,
        facts: json!({ "build_time_sec": 3 }),
    };
    stand_in.script([TelegramMode::BadGateway; 3]);

    service.queue(new_cause(), &new).await.unwrap();

    let ended = eventually(|| async {
        let found = notifications.of_order(order).await.unwrap().swap_remove(0);
        (found.status != Status::Queued).then_some(found)
    })
    .await;
    let sent = stand_in.messages().len();
    assert!(ended.ambiguous && sent == 2, "sent {sent} times: {ended:?}");
}
