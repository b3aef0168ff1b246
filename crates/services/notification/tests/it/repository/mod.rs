//! The notification queue, in PostgreSQL.

mod attempts;

use std::time::Duration;

use contracts::{
    events::Cause,
    ids::{OrderId, UserId},
};
use notification::{
    model::{AttemptOutcome, Kind, NewNotification, NotificationId, Outgoing, Status},
    repository::{MIGRATIONS, PgNotifications},
};
use platform::ids;
use serde_json::json;
use testkit::{new_cause, new_order};
use uuid::Uuid;

const HOUR: Duration = Duration::from_hours(1);
const USER: UserId = UserId::new(Uuid::from_u128(7));

async fn notifications() -> PgNotifications {
    PgNotifications::new(testkit::database(&MIGRATIONS).await.pool)
}

fn new(order: OrderId, kind: Kind) -> NewNotification {
    let facts = json!({ "build_time_sec": 3 });
    NewNotification { id: NotificationId::new(ids::ordered()), order, user: USER, kind, facts }
}

async fn queue(all: &PgNotifications, order: OrderId, kind: Kind) -> NotificationId {
    let new = new(order, kind);
    assert!(all.queue(new_cause(), &new).await.unwrap());
    new.id
}

async fn with_chat(all: &PgNotifications, kind: Kind, chat: &str) -> NotificationId {
    let id = queue(all, new_order(), kind).await;
    all.set_chat(&[id], chat).await.unwrap();
    id
}

/// The due notifications, without ambiguous ones.
async fn due(all: &PgNotifications) -> Vec<Outgoing> {
    all.due(false, 100, &[]).await.unwrap()
}

async fn ambiguous(all: &PgNotifications) -> Vec<Outgoing> {
    all.due(true, 100, &[]).await.unwrap()
}

fn by_chat(due: &[Outgoing]) -> Vec<(&str, NotificationId)> {
    due.iter().map(|outgoing| (outgoing.chat.as_str(), outgoing.due.id)).collect()
}

async fn claimed(all: &PgNotifications) -> Outgoing {
    let outgoing = due(all).await.swap_remove(0);
    assert!(all.claim(&outgoing).await.unwrap());
    outgoing
}

/// The oldest notification without a chat, for this chat.
async fn found(all: &PgNotifications, chat: &str) -> Outgoing {
    let due = all.without_chat(100, &[]).await.unwrap().swap_remove(0);
    Outgoing { chat: chat.to_owned(), ambiguous: false, due }
}

/// Records the outcome of the attempt that follows those in `outgoing`.
async fn settle(all: &PgNotifications, outgoing: &Outgoing, outcome: &AttemptOutcome) {
    all.settle(&[outgoing.due.next_attempt()], outcome).await.unwrap();
}

async fn queued(all: &PgNotifications) -> i64 {
    all.queued(1_000).await.unwrap()
}

fn retry(after: Duration) -> AttemptOutcome {
    AttemptOutcome::Retry { after, problem: "try later".to_owned(), ambiguous: false }
}

#[tokio::test]
async fn an_ended_account_leaves_no_chat_and_nothing_to_send() {
    let all = &notifications().await;
    let order = new_order();
    queue(all, order, Kind::OrderPaid).await;
    let (sending, sent) = (found(all, "chat").await, AttemptOutcome::Sent);
    assert!(all.claim(&sending).await.unwrap());
    settle(all, &sending, &sent).await;
    queue(all, order, Kind::ShipAssembled).await;
    let under_way = found(all, "chat").await;
    assert!(all.claim(&under_way).await.unwrap());
    queue(all, order, Kind::OrderCancelled).await;

    for _ in 0..2 {
        all.forget(USER).await.unwrap();
    }

    let statuses = async || all.of_order(order).await.unwrap().iter().map(|one| one.status).collect::<Vec<_>>();
    assert_eq!(statuses().await, [Status::Sent, Status::Failed, Status::Failed]);
    settle(all, &under_way, &retry(Duration::ZERO)).await;
    assert_eq!((queued(all).await, due(all).await.len()), (0, 0), "the attempt under way is not retried");
}

#[tokio::test]
async fn an_event_is_queued_once() {
    let all = &notifications().await;
    let cause = new_cause();

    assert!(all.queue(cause, &new(new_order(), Kind::OrderPaid)).await.unwrap());
    assert!(!all.queue(cause, &new(new_order(), Kind::OrderPaid)).await.unwrap());

    assert_eq!(queued(all).await, 1);
}

#[tokio::test]
async fn a_skipped_event_is_handled_and_queues_nothing() {
    let all = &notifications().await;
    let cause = new_cause();

    all.skip(cause).await.unwrap();
    all.skip(cause).await.unwrap();

    assert_eq!(queued(all).await, 0);
    assert!(!all.queue(cause, &new(new_order(), Kind::ShipDelivered)).await.unwrap(), "it is handled");
    assert!(
        all.queue(Cause { consumer: "other", ..cause }, &new(new_order(), Kind::ShipDelivered)).await.unwrap(),
        "by one consumer"
    );
}

#[tokio::test]
async fn an_order_and_kind_are_queued_once() {
    let all = &notifications().await;
    let order = new_order();

    for kind in Kind::ALL {
        queue(all, order, kind).await;
        assert!(!all.queue(new_cause(), &new(order, kind)).await.unwrap());
    }

    let kinds: Vec<_> = all.of_order(order).await.unwrap().iter().map(|one| one.kind).collect();
    assert_eq!(kinds, Kind::ALL, "every kind is stored");
}

#[tokio::test]
async fn notifications_without_a_chat_block_no_other() {
    let all = &notifications().await;
    let order = new_order();
    let first = queue(all, order, Kind::OrderPaid).await;
    let second = queue(all, order, Kind::ShipAssembled).await;
    let third = queue(all, order, Kind::OrderCancelled).await;
    with_chat(all, Kind::OrderPaid, "chat").await;

    let found = async |limit, busy: &[NotificationId]| {
        let found = all.without_chat(limit, busy).await.unwrap();
        found.into_iter().map(|due| due.id).collect::<Vec<_>>()
    };
    assert_eq!(found(100, &[]).await, [first, second, third]);
    assert_eq!(found(1, &[first]).await, [second]);
    assert_eq!(due(all).await.len(), 1);
}

#[tokio::test]
async fn a_chats_notifications_are_due_one_at_a_time_and_in_order() {
    let all = &notifications().await;
    let first = with_chat(all, Kind::OrderPaid, "chat").await;
    let second = with_chat(all, Kind::ShipAssembled, "chat").await;
    let other = with_chat(all, Kind::OrderPaid, "other").await;

    let found = due(all).await;
    assert_eq!(by_chat(&found), [("chat", first), ("other", other)]);
    assert!(found.iter().all(|outgoing| !outgoing.ambiguous));

    assert!(all.claim(&found[0]).await.unwrap());
    assert_eq!(by_chat(&due(all).await), [("other", other)], "a chat gets one message at a time");
    settle(all, &found[0], &AttemptOutcome::Sent).await;
    assert_eq!(by_chat(&due(all).await), [("chat", second), ("other", other)]);
}

#[tokio::test]
async fn the_oldest_are_due_first() {
    let all = &notifications().await;
    for chat in ["d", "b", "c", "a"] {
        with_chat(all, Kind::OrderPaid, chat).await;
    }

    let due = all.due(false, 2, &["b".to_owned()]).await.unwrap();

    let chats: Vec<String> = due.into_iter().map(|outgoing| outgoing.chat).collect();
    assert_eq!(chats, ["d", "c"]);
}

#[tokio::test]
async fn a_chat_is_set_once() {
    let all = &notifications().await;
    let id = with_chat(all, Kind::OrderPaid, "first").await;

    all.set_chat(&[id], "second").await.unwrap();

    assert_eq!(by_chat(&due(all).await), [("first", id)]);
}

#[tokio::test]
async fn one_whose_ambiguous_retry_was_rejected_is_resent_to_the_same_chat() {
    let all = &notifications().await;
    let problem = || "a problem".to_owned();
    let unknown = AttemptOutcome::Retry { after: Duration::ZERO, problem: problem(), ambiguous: true };
    let order = new_order();
    let id = queue(all, order, Kind::OrderPaid).await;
    all.set_chat(&[id], "chat").await.unwrap();
    settle(all, &claimed(all).await, &unknown).await;
    let last = ambiguous(all).await.swap_remove(0);
    assert!(all.claim(&last).await.unwrap());
    settle(all, &last, &AttemptOutcome::Failed { problem: problem(), ambiguous: false }).await;
    let listed = async || all.of_order(order).await.unwrap().swap_remove(0);
    let failed = listed().await;
    assert_eq!((failed.status, failed.ambiguous, failed.may_have_arrived_twice), (Status::Failed, true, false));

    assert!(!all.resend(id, HOUR).await.unwrap(), "it has just failed");
    assert!(all.resend(id, Duration::ZERO).await.unwrap());

    let again = ambiguous(all).await;
    assert_eq!(by_chat(&again), [("chat", id)]);
    assert!(all.claim(&again[0]).await.unwrap());
    settle(all, &again[0], &AttemptOutcome::Failed { problem: problem(), ambiguous: true }).await;
    assert!(listed().await.may_have_arrived_twice);
    assert!(!all.resend(id, Duration::ZERO).await.unwrap(), "a third message might arrive");
}

#[tokio::test]
async fn one_that_was_sent_is_resent_once_to_the_same_chat() {
    let all = &notifications().await;
    let order = new_order();
    let id = queue(all, order, Kind::ShipAssembled).await;
    all.set_chat(&[id], "chat").await.unwrap();
    settle(all, &claimed(all).await, &AttemptOutcome::Sent).await;

    assert!(all.resend(id, Duration::ZERO).await.unwrap());

    let again = ambiguous(all).await;
    assert_eq!(by_chat(&again), [("chat", id)]);
    let listed = all.of_order(order).await.unwrap().swap_remove(0);
    assert_eq!((listed.status, listed.ambiguous, listed.sent_at), (Status::Queued, true, None));
    assert!(all.claim(&again[0]).await.unwrap());
    settle(all, &again[0], &AttemptOutcome::Sent).await;
    assert!(!all.resend(id, Duration::ZERO).await.unwrap(), "it was sent twice");
}

#[tokio::test]
async fn ended_notifications_are_removed_in_batches() {
    let all = &notifications().await;
    let failed = AttemptOutcome::Failed { problem: "blocked".to_owned(), ambiguous: false };
    for outcome in [AttemptOutcome::Sent, failed, AttemptOutcome::Sent] {
        with_chat(all, Kind::OrderPaid, "chat").await;
        settle(all, &claimed(all).await, &outcome).await;
    }
    let queued = with_chat(all, Kind::OrderPaid, "chat").await;

    assert_eq!(all.remove_ended(HOUR, 2).await.unwrap(), 0);
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert_eq!(all.remove_ended(Duration::ZERO, 2).await.unwrap(), 2);
    assert_eq!(all.remove_ended(Duration::ZERO, 2).await.unwrap(), 1);
    assert_eq!(all.remove_ended(Duration::ZERO, 2).await.unwrap(), 0);

    assert_eq!(by_chat(&due(all).await), [("chat", queued)]);
}
