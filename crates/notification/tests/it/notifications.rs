//! What holds of notifications wherever they are kept.

use std::time::Duration;

use notification::{
    model::{Due, Kind, NewNotification, Status, Verdict},
    repository::{MIGRATIONS, MemoryNotifications, Notifications, PgNotifications},
};
use platform::ids;
use serde_json::json;
use uuid::Uuid;

const HOUR: Duration = Duration::from_hours(1);

macro_rules! contract {
    ($($name:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $name() {
                super::$name(&super::MemoryNotifications::default()).await;
            })*
        }

        mod postgres {
            $(#[tokio::test]
            async fn $name() {
                let database = testkit::database(&super::MIGRATIONS).await;
                super::$name(&super::PgNotifications::new(database.pool)).await;
            })*
        }
    };
}

contract!(
    an_event_is_queued_once,
    an_order_and_kind_are_queued_once,
    what_is_queued_is_due_with_all_that_is_needed,
    a_chat_is_told_one_after_another,
    those_without_a_chat_wait_for_nobody,
    busy_lanes_are_left_out,
    a_chat_is_chosen_once,
    only_one_hands_over,
    an_outcome_is_kept,
    a_pause_holds_up_the_chat,
    a_hand_over_is_given_up_once_and_then_for_good,
    of_a_hand_over_given_up_only_success_counts,
);

fn new(order: Uuid, kind: Kind) -> NewNotification {
    let facts = json!({ "build_time_sec": 3 });
    NewNotification { uuid: ids::ordered(), order, user: Uuid::from_u128(7), kind, facts }
}

async fn queue(all: &dyn Notifications, order: Uuid, kind: Kind) -> Uuid {
    let new = new(order, kind);
    assert!(all.queue("group", ids::random(), &new).await.unwrap());
    new.uuid
}

/// Queues one and says where it goes.
async fn addressed(all: &dyn Notifications, kind: Kind, chat: &str) -> Uuid {
    let uuid = queue(all, ids::random(), kind).await;
    all.address(uuid, chat).await.unwrap();
    uuid
}

async fn due(all: &dyn Notifications) -> Vec<Due> {
    all.due(100, true, &[]).await.unwrap()
}

async fn uuids(all: &dyn Notifications) -> Vec<Uuid> {
    due(all).await.iter().map(|due| due.uuid).collect()
}

fn again(after: Duration) -> Verdict {
    Verdict::Again { after, problem: "try later".to_owned(), ambiguous: false }
}

async fn an_event_is_queued_once(all: &dyn Notifications) {
    let event = ids::random();

    assert!(all.queue("group", event, &new(ids::random(), Kind::OrderPaid)).await.unwrap());
    assert!(!all.queue("group", event, &new(ids::random(), Kind::OrderPaid)).await.unwrap());

    assert_eq!(all.queued().await.unwrap(), 1);
}

async fn an_order_and_kind_are_queued_once(all: &dyn Notifications) {
    let order = ids::random();

    queue(all, order, Kind::OrderPaid).await;
    assert!(!all.queue("group", ids::random(), &new(order, Kind::OrderPaid)).await.unwrap());
    queue(all, order, Kind::ShipAssembled).await;

    let kinds: Vec<_> = all.of_order(order).await.unwrap().iter().map(|one| one.kind).collect();
    assert_eq!(kinds, [Kind::OrderPaid, Kind::ShipAssembled]);
}

async fn what_is_queued_is_due_with_all_that_is_needed(all: &dyn Notifications) {
    let order = ids::random();
    let uuid = queue(all, order, Kind::ShipAssembled).await;

    let due = due(all).await;

    let [due] = due.as_slice() else { panic!("{due:?}") };
    assert_eq!((due.uuid, due.order, due.user, due.kind), (uuid, order, Uuid::from_u128(7), Kind::ShipAssembled));
    assert_eq!(due.facts, json!({ "build_time_sec": 3 }));
    assert_eq!((due.chat.as_deref(), due.attempts, due.ambiguous), (None, 0, false));
}

async fn a_chat_is_told_one_after_another(all: &dyn Notifications) {
    let first = addressed(all, Kind::OrderPaid, "chat").await;
    let second = addressed(all, Kind::ShipAssembled, "chat").await;
    let other = addressed(all, Kind::OrderPaid, "other").await;

    assert_eq!(uuids(all).await, [first, other]);
    let one = due(all).await.swap_remove(0);
    assert!(all.claim(&one).await.unwrap());
    assert_eq!(uuids(all).await, [other]);
    all.settle(first, 1, &Verdict::Sent).await.unwrap();

    assert_eq!(uuids(all).await, [second, other]);
    assert_eq!(all.due(1, true, &[]).await.unwrap()[0].uuid, second);
}

async fn those_without_a_chat_wait_for_nobody(all: &dyn Notifications) {
    let order = ids::random();
    let first = queue(all, order, Kind::OrderPaid).await;
    let second = queue(all, order, Kind::ShipAssembled).await;
    let addressed = addressed(all, Kind::OrderPaid, "chat").await;

    let everything = uuids(all).await;
    let with_a_chat = all.due(100, false, &[]).await.unwrap();

    assert_eq!(everything, [first, second, addressed]);
    assert_eq!(with_a_chat.iter().map(|due| due.uuid).collect::<Vec<_>>(), [addressed]);
}

async fn busy_lanes_are_left_out(all: &dyn Notifications) {
    let unaddressed = queue(all, ids::random(), Kind::OrderPaid).await;
    addressed(all, Kind::OrderPaid, "busy").await;
    let free = addressed(all, Kind::OrderPaid, "free").await;

    let due = all.due(100, true, &["busy".to_owned(), unaddressed.to_string()]).await.unwrap();

    assert_eq!(due.iter().map(|due| due.uuid).collect::<Vec<_>>(), [free]);
}

async fn a_chat_is_chosen_once(all: &dyn Notifications) {
    let uuid = addressed(all, Kind::OrderPaid, "first").await;

    all.address(uuid, "second").await.unwrap();

    assert_eq!(due(all).await[0].chat.as_deref(), Some("first"));
}

async fn only_one_hands_over(all: &dyn Notifications) {
    let uuid = addressed(all, Kind::OrderPaid, "chat").await;
    let read = due(all).await.swap_remove(0);

    assert!(all.claim(&read).await.unwrap());
    assert!(!all.claim(&read).await.unwrap());
    all.settle(uuid, 1, &again(Duration::ZERO)).await.unwrap();
    assert!(!all.claim(&read).await.unwrap(), "what was read is old");

    assert!(all.claim(&due(all).await[0]).await.unwrap());
    assert_eq!(all.of_order(read.order).await.unwrap()[0].attempts, 2);
}

async fn an_outcome_is_kept(all: &dyn Notifications) {
    let failed = Verdict::Failed { problem: "blocked".to_owned(), ambiguous: false };
    let unknown = Verdict::Again { after: Duration::ZERO, problem: "silence".to_owned(), ambiguous: true };
    let cases = [
        (Verdict::Sent, Status::Sent, false),
        (failed, Status::Failed, false),
        (unknown, Status::Queued, true),
        (again(HOUR), Status::Queued, false),
    ];
    for (verdict, status, ambiguous) in cases {
        let uuid = addressed(all, Kind::OrderPaid, &format!("{verdict:?}")).await;
        let due = due(all).await.into_iter().find(|due| due.uuid == uuid).unwrap();
        all.claim(&due).await.unwrap();

        all.settle(uuid, 1, &verdict).await.unwrap();

        let found = all.of_order(due.order).await.unwrap().swap_remove(0);
        assert_eq!((found.status, found.attempts, found.ambiguous), (status, 1, ambiguous), "{verdict:?}");
        assert_eq!(found.sent_at.is_some(), status == Status::Sent);
    }
    assert_eq!(all.queued().await.unwrap(), 2);
}

async fn a_pause_holds_up_the_chat(all: &dyn Notifications) {
    let first = addressed(all, Kind::OrderPaid, "chat").await;
    addressed(all, Kind::ShipAssembled, "chat").await;

    all.settle(first, 0, &again(HOUR)).await.unwrap();
    assert!(due(all).await.is_empty());

    all.settle(first, 0, &again(Duration::ZERO)).await.unwrap();
    assert_eq!(uuids(all).await, [first]);
}

async fn a_hand_over_is_given_up_once_and_then_for_good(all: &dyn Notifications) {
    let uuid = addressed(all, Kind::OrderPaid, "chat").await;
    let read = due(all).await.swap_remove(0);
    all.claim(&read).await.unwrap();

    assert_eq!(all.give_up(HOUR).await.unwrap(), 0);
    assert_eq!(all.give_up(Duration::ZERO).await.unwrap(), 1);
    let second = due(all).await.swap_remove(0);
    assert_eq!((second.uuid, second.attempts, second.ambiguous), (uuid, 1, true));

    assert!(all.claim(&second).await.unwrap());
    assert_eq!(all.give_up(Duration::ZERO).await.unwrap(), 1);
    let found = all.of_order(read.order).await.unwrap();
    assert_eq!((found[0].status, found[0].ambiguous, found[0].attempts), (Status::Failed, true, 2));
}

async fn of_a_hand_over_given_up_only_success_counts(all: &dyn Notifications) {
    let uuid = addressed(all, Kind::OrderPaid, "chat").await;
    let first = due(all).await.swap_remove(0);
    all.claim(&first).await.unwrap();
    all.give_up(Duration::ZERO).await.unwrap();
    all.claim(&due(all).await[0]).await.unwrap();

    all.settle(uuid, 1, &again(Duration::ZERO)).await.unwrap();
    let found = all.of_order(first.order).await.unwrap();
    assert!(due(all).await.is_empty(), "the second hand-over is under way");
    assert_eq!(found[0].status, Status::Queued);

    all.settle(uuid, 1, &Verdict::Sent).await.unwrap();
    let found = all.of_order(first.order).await.unwrap();
    assert_eq!(found[0].status, Status::Sent);
}
