//! What holds of notifications wherever they are kept.

use std::time::Duration;

use notification::{
    model::{Attempt, Batch, Due, Kind, NewNotification, Status, Verdict},
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
    what_has_no_chat_is_found_with_all_that_is_needed,
    those_without_a_chat_wait_for_nobody,
    what_waits_for_a_chat_is_due_together_and_in_its_order,
    chats_are_gone_round_however_many_there_are,
    busy_chats_are_left_out,
    a_chat_is_chosen_once,
    all_of_a_batch_is_claimed_by_one_or_none_of_it,
    an_outcome_is_that_of_all,
    a_pause_holds_up_the_chat,
    a_repeat_holds_up_nothing_and_is_asked_for_alone,
    a_hand_over_is_given_up_once_and_then_for_good,
    of_a_hand_over_given_up_only_success_counts,
    the_queue_is_counted_to_a_limit,
    what_ended_long_ago_is_forgotten_in_batches,
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
    all.address(&[uuid], chat).await.unwrap();
    uuid
}

/// The chats whose turn it is.
async fn due(all: &dyn Notifications) -> Vec<Batch> {
    all.due("", false, 100, &[]).await.unwrap().batches
}

async fn repeats(all: &dyn Notifications) -> Vec<Batch> {
    all.due("", true, 100, &[]).await.unwrap().batches
}

/// Each chat with its notifications.
fn uuids(batches: &[Batch]) -> Vec<(&str, Vec<Uuid>)> {
    let uuids = |batch: &Batch| batch.waiting.iter().map(|due| due.uuid).collect();
    batches.iter().map(|batch| (batch.chat.as_str(), uuids(batch))).collect()
}

async fn claimed(all: &dyn Notifications) -> Batch {
    let batch = due(all).await.swap_remove(0);
    assert!(all.claim(&batch).await.unwrap());
    batch
}

/// What a hand-over of the batch, as it was read, came to.
async fn settle(all: &dyn Notifications, batch: &Batch, verdict: &Verdict) {
    let attempts: Vec<Attempt> = batch.waiting.iter().map(Due::next_attempt).collect();
    all.settle(&attempts, verdict).await.unwrap();
}

async fn queued(all: &dyn Notifications) -> i64 {
    all.queued(1_000).await.unwrap()
}

fn again(after: Duration) -> Verdict {
    Verdict::Again { after, problem: "try later".to_owned(), ambiguous: false }
}

async fn an_event_is_queued_once(all: &dyn Notifications) {
    let event = ids::random();

    assert!(all.queue("group", event, &new(ids::random(), Kind::OrderPaid)).await.unwrap());
    assert!(!all.queue("group", event, &new(ids::random(), Kind::OrderPaid)).await.unwrap());

    assert_eq!(queued(all).await, 1);
}

async fn an_order_and_kind_are_queued_once(all: &dyn Notifications) {
    let order = ids::random();

    queue(all, order, Kind::OrderPaid).await;
    assert!(!all.queue("group", ids::random(), &new(order, Kind::OrderPaid)).await.unwrap());
    queue(all, order, Kind::ShipAssembled).await;

    let kinds: Vec<_> = all.of_order(order).await.unwrap().iter().map(|one| one.kind).collect();
    assert_eq!(kinds, [Kind::OrderPaid, Kind::ShipAssembled]);
}

async fn what_has_no_chat_is_found_with_all_that_is_needed(all: &dyn Notifications) {
    let order = ids::random();
    let uuid = queue(all, order, Kind::ShipAssembled).await;

    let found = all.unaddressed(100, &[]).await.unwrap();

    let [due] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((due.uuid, due.order, due.user, due.kind), (uuid, order, Uuid::from_u128(7), Kind::ShipAssembled));
    assert_eq!((&due.facts, due.attempts), (&json!({ "build_time_sec": 3 }), 0));
}

async fn those_without_a_chat_wait_for_nobody(all: &dyn Notifications) {
    let order = ids::random();
    let first = queue(all, order, Kind::OrderPaid).await;
    let second = queue(all, order, Kind::ShipAssembled).await;
    let third = queue(all, order, Kind::OrderCancelled).await;
    addressed(all, Kind::OrderPaid, "chat").await;

    let found = async |limit, busy: &[Uuid]| {
        let found = all.unaddressed(limit, busy).await.unwrap();
        found.into_iter().map(|due| due.uuid).collect::<Vec<_>>()
    };
    assert_eq!(found(100, &[]).await, [first, second, third]);
    assert_eq!(found(1, &[first]).await, [second]);
    assert_eq!(due(all).await.len(), 1);
}

async fn what_waits_for_a_chat_is_due_together_and_in_its_order(all: &dyn Notifications) {
    let first = addressed(all, Kind::OrderPaid, "chat").await;
    let second = addressed(all, Kind::ShipAssembled, "chat").await;
    let other = addressed(all, Kind::OrderPaid, "other").await;

    let found = due(all).await;
    assert_eq!(uuids(&found), [("chat", vec![first, second]), ("other", vec![other])]);
    assert!(found.iter().all(|batch| !batch.ambiguous));

    let mut batch = found[0].clone();
    batch.waiting.truncate(1);
    assert!(all.claim(&batch).await.unwrap());
    assert_eq!(uuids(&due(all).await), [("other", vec![other])], "a chat is told one message after another");
    settle(all, &batch, &Verdict::Sent).await;
    assert_eq!(uuids(&due(all).await), [("chat", vec![second]), ("other", vec![other])]);
}

async fn chats_are_gone_round_however_many_there_are(all: &dyn Notifications) {
    for chat in ["a", "b", "c", "d"] {
        addressed(all, Kind::OrderPaid, chat).await;
    }

    let round = async |after: &str, limit| {
        let round = all.due(after, false, limit, &["c".to_owned()]).await.unwrap();
        let chats: Vec<String> = round.batches.into_iter().map(|batch| batch.chat).collect();
        (chats.concat(), round.next)
    };
    assert_eq!(round("", 2).await, ("ab".to_owned(), Some("b".to_owned())));
    assert_eq!(round("b", 2).await, ("d".to_owned(), None));
    assert_eq!(round("d", 2).await, (String::new(), None));
}

async fn busy_chats_are_left_out(all: &dyn Notifications) {
    addressed(all, Kind::OrderPaid, "busy").await;
    let free = addressed(all, Kind::OrderPaid, "free").await;

    let round = all.due("", false, 100, &["busy".to_owned()]).await.unwrap();

    assert_eq!(uuids(&round.batches), [("free", vec![free])]);
}

async fn a_chat_is_chosen_once(all: &dyn Notifications) {
    let uuid = addressed(all, Kind::OrderPaid, "first").await;

    all.address(&[uuid], "second").await.unwrap();

    assert_eq!(uuids(&due(all).await), [("first", vec![uuid])]);
}

async fn all_of_a_batch_is_claimed_by_one_or_none_of_it(all: &dyn Notifications) {
    addressed(all, Kind::OrderPaid, "chat").await;
    let alone = due(all).await.swap_remove(0);
    addressed(all, Kind::ShipAssembled, "chat").await;
    let both = due(all).await.swap_remove(0);

    assert!(all.claim(&alone).await.unwrap());
    assert!(!all.claim(&alone).await.unwrap());
    assert!(!all.claim(&both).await.unwrap(), "one of the two is under way");
    settle(all, &alone, &again(Duration::ZERO)).await;
    assert!(!all.claim(&both).await.unwrap(), "what was read is old");

    assert!(all.claim(&due(all).await[0]).await.unwrap());
    for (due, attempts) in both.waiting.iter().zip([2, 1]) {
        assert_eq!(all.of_order(due.order).await.unwrap()[0].attempts, attempts);
    }
}

async fn an_outcome_is_that_of_all(all: &dyn Notifications) {
    let failed = Verdict::Failed { problem: "blocked".to_owned(), ambiguous: false };
    let unknown = Verdict::Again { after: Duration::ZERO, problem: "silence".to_owned(), ambiguous: true };
    let cases = [
        (Verdict::Sent, Status::Sent, false),
        (failed, Status::Failed, false),
        (unknown, Status::Queued, true),
        (again(HOUR), Status::Queued, false),
    ];
    for (verdict, status, ambiguous) in cases {
        for kind in [Kind::OrderPaid, Kind::ShipAssembled] {
            addressed(all, kind, &format!("{verdict:?}")).await;
        }
        let batch = claimed(all).await;

        settle(all, &batch, &verdict).await;

        assert_eq!(batch.waiting.len(), 2);
        for due in batch.waiting {
            let found = all.of_order(due.order).await.unwrap().swap_remove(0);
            assert_eq!((found.status, found.attempts, found.ambiguous), (status, 1, ambiguous), "{verdict:?}");
            assert_eq!(found.sent_at.is_some(), status == Status::Sent);
        }
    }
    assert_eq!(queued(all).await, 4);
}

async fn a_pause_holds_up_the_chat(all: &dyn Notifications) {
    let first = addressed(all, Kind::OrderPaid, "chat").await;
    let batch = claimed(all).await;
    let second = addressed(all, Kind::ShipAssembled, "chat").await;

    settle(all, &batch, &again(HOUR)).await;
    assert!(due(all).await.is_empty());

    all.settle(&[Attempt { notification: first, number: 1 }], &again(Duration::ZERO)).await.unwrap();
    assert_eq!(uuids(&due(all).await), [("chat", vec![first, second])]);
}

async fn a_repeat_holds_up_nothing_and_is_asked_for_alone(all: &dyn Notifications) {
    let unknown = |after| Verdict::Again { after, problem: "silence".to_owned(), ambiguous: true };
    let first = addressed(all, Kind::OrderPaid, "chat").await;
    let batch = claimed(all).await;
    let second = addressed(all, Kind::ShipAssembled, "chat").await;

    settle(all, &batch, &unknown(HOUR)).await;
    assert_eq!(uuids(&due(all).await), [("chat", vec![second])]);
    assert!(repeats(all).await.is_empty(), "it waits");

    settle(all, &batch, &unknown(Duration::ZERO)).await;
    assert_eq!(uuids(&due(all).await), [("chat", vec![second])]);
    let repeat = repeats(all).await.swap_remove(0);
    assert_eq!((repeat.ambiguous, repeat.waiting[0].uuid, repeat.waiting.len()), (true, first, 1));
    assert!(!all.claim(&batch).await.unwrap(), "what was read is not flagged");
    assert!(all.claim(&repeat).await.unwrap());
}

async fn a_hand_over_is_given_up_once_and_then_for_good(all: &dyn Notifications) {
    let uuid = addressed(all, Kind::OrderPaid, "chat").await;
    let read = claimed(all).await;

    assert_eq!(all.give_up(HOUR).await.unwrap(), 0);
    assert_eq!(all.give_up(Duration::ZERO).await.unwrap(), 1);
    assert!(due(all).await.is_empty());
    let repeat = repeats(all).await.swap_remove(0);
    assert_eq!((repeat.waiting[0].uuid, repeat.waiting[0].attempts, repeat.ambiguous), (uuid, 1, true));

    assert!(all.claim(&repeat).await.unwrap());
    assert_eq!(all.give_up(Duration::ZERO).await.unwrap(), 1);
    let found = all.of_order(read.waiting[0].order).await.unwrap();
    assert_eq!((found[0].status, found[0].ambiguous, found[0].attempts), (Status::Failed, true, 2));
}

async fn of_a_hand_over_given_up_only_success_counts(all: &dyn Notifications) {
    addressed(all, Kind::OrderPaid, "chat").await;
    let first = claimed(all).await;
    all.give_up(Duration::ZERO).await.unwrap();
    all.claim(&repeats(all).await[0]).await.unwrap();
    let status = async || all.of_order(first.waiting[0].order).await.unwrap()[0].status;

    settle(all, &first, &again(Duration::ZERO)).await;
    assert!(repeats(all).await.is_empty(), "the second hand-over is under way");
    assert_eq!(status().await, Status::Queued);

    settle(all, &first, &Verdict::Sent).await;
    assert_eq!(status().await, Status::Sent);
}

async fn the_queue_is_counted_to_a_limit(all: &dyn Notifications) {
    for _ in 0..3 {
        queue(all, ids::random(), Kind::OrderPaid).await;
    }

    assert_eq!((all.queued(2).await.unwrap(), all.queued(10).await.unwrap()), (2, 3));
}

async fn what_ended_long_ago_is_forgotten_in_batches(all: &dyn Notifications) {
    let failed = Verdict::Failed { problem: "blocked".to_owned(), ambiguous: false };
    for verdict in [Verdict::Sent, failed, Verdict::Sent] {
        addressed(all, Kind::OrderPaid, "chat").await;
        settle(all, &claimed(all).await, &verdict).await;
    }
    let queued = addressed(all, Kind::OrderPaid, "chat").await;

    assert_eq!(all.forget(HOUR, 2).await.unwrap(), 0);
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert_eq!(all.forget(Duration::ZERO, 2).await.unwrap(), 2);
    assert_eq!(all.forget(Duration::ZERO, 2).await.unwrap(), 1);
    assert_eq!(all.forget(Duration::ZERO, 2).await.unwrap(), 0);

    assert_eq!(uuids(&due(all).await), [("chat", vec![queued])]);
}
