//! A real client before a stand-in for Telegram that takes messages and answers 502.

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use notification::{
    client::{MemoryUsers, Telegram},
    model::{Kind, NewNotification, Status},
    repository::{MemoryNotifications, Notifications as _},
    service::{Courier, GROUP_PAID, NotificationService, Sender, Templates},
};
use platform::{ids, lease::MemoryLease};
use serde_json::json;
use stand_ins::TelegramMode;
use testkit::eventually;
use tokio::sync::Notify;

const TOKEN: &str = "123456:token";
/// Time is real here.
const STABLE_FOR: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_message_that_was_answered_502_is_told_once_more_at_most_and_flagged() {
    let stand_in = stand_ins::Telegram::start(TOKEN).await.unwrap();
    let telegram = Telegram::new(&stand_in.url(), &TOKEN.into(), Duration::from_secs(5)).unwrap();
    let (notifications, queued) = (MemoryNotifications::default(), Arc::new(Notify::new()));
    let courier = Courier {
        notifications: Arc::new(notifications.clone()),
        users: Arc::new(MemoryUsers::default()),
        notifier: Arc::new(telegram),
        templates: Templates::load(None).unwrap(),
        fallback: Some("42".to_owned()),
        stable_for: STABLE_FOR,
        halted: AtomicBool::new(false),
    };
    let sender = Sender::new(courier, Arc::new(MemoryLease::new("first")), queued.clone());
    let _sender = testkit::run(|stop| sender.run(stop));
    let service = NotificationService::new(Arc::new(notifications.clone()), queued);
    let (order, facts) = (ids::random(), json!({ "build_time_sec": 3 }));
    let new = NewNotification { uuid: ids::ordered(), order, user: ids::random(), kind: Kind::ShipAssembled, facts };
    stand_in.script([TelegramMode::BadGateway; 3]);

    service.queue(GROUP_PAID, ids::random(), &new).await.unwrap();

    let ended = eventually(|| async {
        let found = notifications.of_order(order).await.unwrap().swap_remove(0);
        (found.status != Status::Queued).then_some(found)
    })
    .await;
    let told = stand_in.messages().len();
    assert!(ended.ambiguous && told == 2, "told {told} times, flagged: {}, {ended:?}", ended.ambiguous);
}
