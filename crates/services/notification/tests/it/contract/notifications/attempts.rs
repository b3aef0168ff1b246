//! Claims and outcomes of attempts.

use std::time::Duration;

use futures::future::join_all;
use notification::{
    model::{Attempt, Expired, Kind, Outcome, Status},
    repository::Notifications,
};

use super::{
    Batch, HOUR, by_chat, claimed, due, found, queue, queued, random_order, repeats, retry, settle, with_chat,
};

pub async fn a_batch_is_claimed_as_a_whole_or_not_at_all(all: &dyn Notifications) {
    with_chat(all, Kind::OrderPaid, "chat").await;
    let alone = due(all).await.swap_remove(0);
    with_chat(all, Kind::ShipAssembled, "chat").await;
    let both = due(all).await.swap_remove(0);

    assert!(all.claim(&alone).await.unwrap());
    assert!(!all.claim(&alone).await.unwrap());
    assert!(!all.claim(&both).await.unwrap(), "one of the two is being sent");
    settle(all, &alone, &retry(Duration::ZERO)).await;
    assert!(!all.claim(&both).await.unwrap(), "the batch was read before the first attempt");

    assert!(all.claim(&due(all).await[0]).await.unwrap());
    for (due, attempts) in both.waiting.iter().zip([2, 1]) {
        assert_eq!(all.of_order(due.order).await.unwrap()[0].attempts, attempts);
    }
}

pub async fn a_claim_sets_the_chat_of_notifications_that_have_none(all: &dyn Notifications) {
    let first = queue(all, random_order(), Kind::OrderPaid).await;
    let second = queue(all, random_order(), Kind::ShipAssembled).await;
    let batch = found(all, "chat").await;

    assert!(all.claim(&batch).await.unwrap());
    assert!(!all.claim(&batch).await.unwrap(), "they are being sent");

    assert!(all.without_chat(100, &[]).await.unwrap().is_empty());
    for due in &batch.waiting {
        assert_eq!(all.of_order(due.order).await.unwrap()[0].attempts, 1);
    }
    settle(all, &batch, &retry(Duration::ZERO)).await;
    assert_eq!(by_chat(&due(all).await), [("chat", vec![first, second])]);
}

pub async fn a_batch_for_another_chat_than_that_of_its_notifications_is_not_claimed(all: &dyn Notifications) {
    let id = queue(all, random_order(), Kind::OrderPaid).await;
    let batch = found(all, "new").await;
    all.set_chat(&[id], "old").await.unwrap();

    assert!(!all.claim(&batch).await.unwrap());

    assert_eq!(by_chat(&due(all).await), [("old", vec![id])]);
}

pub async fn a_notification_whose_chat_is_found_waits_for_those_of_the_chat(all: &dyn Notifications) {
    let preceding = with_chat(all, Kind::OrderPaid, "chat").await;
    with_chat(all, Kind::OrderPaid, "other").await;
    let [earlier, other]: [Batch; 2] = due(all).await.try_into().unwrap();
    queue(all, random_order(), Kind::ShipAssembled).await;
    let batch = found(all, "chat").await;
    let id = batch.waiting[0].id;

    let (claimed, other_claimed) = tokio::join!(all.claim(&batch), all.claim(&other));

    assert!(!claimed.unwrap(), "another notification of the chat waits");
    assert!(other_claimed.unwrap(), "one of the same group of claims");
    assert_eq!(all.of_order(batch.waiting[0].order).await.unwrap()[0].attempts, 0);
    assert_eq!(by_chat(&due(all).await), [("chat", vec![preceding, id])], "it has its chat");

    // The new notification does not wait for a queued repeat or a sent notification.
    let unknown = Outcome::Retry { after: HOUR, problem: "no answer".to_owned(), ambiguous: true };
    assert!(all.claim(&earlier).await.unwrap());
    settle(all, &earlier, &unknown).await;
    settle(all, &batch, &Outcome::Sent).await;
    queue(all, random_order(), Kind::ShipAssembled).await;
    assert!(all.claim(&found(all, "chat").await).await.unwrap());
}

pub async fn an_outcome_applies_to_the_whole_batch(all: &dyn Notifications) {
    let failed = Outcome::Failed { problem: "blocked".to_owned(), ambiguous: false };
    let unknown = Outcome::Retry { after: Duration::ZERO, problem: "no answer".to_owned(), ambiguous: true };
    let cases = [
        (Outcome::Sent, Status::Sent, false),
        (Outcome::Skipped { problem: "not confirmed".to_owned() }, Status::Failed, false),
        (failed, Status::Failed, false),
        (unknown, Status::Queued, true),
        (retry(HOUR), Status::Queued, false),
    ];
    for (outcome, status, ambiguous) in cases {
        for kind in [Kind::OrderPaid, Kind::ShipAssembled] {
            with_chat(all, kind, &format!("{outcome:?}")).await;
        }
        let batch = claimed(all).await;

        settle(all, &batch, &outcome).await;

        assert_eq!(batch.waiting.len(), 2);
        for due in batch.waiting {
            let found = all.of_order(due.order).await.unwrap().swap_remove(0);
            assert_eq!((found.status, found.attempts, found.ambiguous), (status, 1, ambiguous), "{outcome:?}");
            assert_eq!(found.sent_at.is_some(), status == Status::Sent);
        }
    }
    assert_eq!(queued(all).await, 4);
}

pub async fn chats_that_are_sent_to_at_once_are_claimed_and_settled_each_alone(all: &dyn Notifications) {
    let names: Vec<String> = (10..30).map(|number| format!("chat {number}")).collect();
    for name in &names {
        with_chat(all, Kind::OrderPaid, name).await;
        with_chat(all, Kind::ShipAssembled, name).await;
    }
    let batches = due(all).await;
    let changed = |number: usize| number % 4 == 3;
    for (_, batch) in batches.iter().enumerate().filter(|(number, _)| changed(*number)) {
        let last = Attempt { notification: batch.waiting[1].id, number: 0 };
        all.settle(&[last], &Outcome::Sent).await.unwrap();
    }

    let claims = join_all(batches.iter().map(|batch| all.claim(batch))).await;
    let outcome = |number: usize| if number.is_multiple_of(2) { Outcome::Sent } else { retry(HOUR) };
    let settled = batches.iter().enumerate().filter(|(number, _)| !changed(*number));
    join_all(settled.map(async |(number, batch)| settle(all, batch, &outcome(number)).await)).await;

    for (number, (batch, claimed)) in batches.iter().zip(claims).enumerate() {
        assert_eq!(claimed.unwrap(), !changed(number), "{}", batch.chat);
        let first = all.of_order(batch.waiting[0].order).await.unwrap().swap_remove(0);
        let expected = match (changed(number), number % 2) {
            (true, _) => (Status::Queued, 0),
            (false, 0) => (Status::Sent, 1),
            (false, _) => (Status::Queued, 1),
        };
        assert_eq!((first.status, first.attempts), expected, "{}", batch.chat);
    }
}

pub async fn a_postponed_retry_blocks_its_chat(all: &dyn Notifications) {
    let first = with_chat(all, Kind::OrderPaid, "chat").await;
    let batch = claimed(all).await;
    let second = with_chat(all, Kind::ShipAssembled, "chat").await;

    settle(all, &batch, &retry(HOUR)).await;
    assert!(due(all).await.is_empty());

    all.settle(&[Attempt { notification: first, number: 1 }], &retry(Duration::ZERO)).await.unwrap();
    assert_eq!(by_chat(&due(all).await), [("chat", vec![first, second])]);
}

pub async fn a_repeat_blocks_nothing_and_is_read_separately(all: &dyn Notifications) {
    let unknown = |after| Outcome::Retry { after, problem: "no answer".to_owned(), ambiguous: true };
    let first = with_chat(all, Kind::OrderPaid, "chat").await;
    let batch = claimed(all).await;
    let second = with_chat(all, Kind::ShipAssembled, "chat").await;

    settle(all, &batch, &unknown(HOUR)).await;
    assert_eq!(by_chat(&due(all).await), [("chat", vec![second])]);
    assert!(repeats(all).await.is_empty(), "it is postponed");

    settle(all, &batch, &unknown(Duration::ZERO)).await;
    assert_eq!(by_chat(&due(all).await), [("chat", vec![second])]);
    let repeat = repeats(all).await.swap_remove(0);
    assert_eq!((repeat.ambiguous, repeat.waiting[0].id, repeat.waiting.len()), (true, first, 1));
    assert!(!all.claim(&batch).await.unwrap(), "the batch was read before it became ambiguous");
    assert!(all.claim(&repeat).await.unwrap());
}

pub async fn an_expired_attempt_is_repeated_once_and_then_fails(all: &dyn Notifications) {
    let id = with_chat(all, Kind::OrderPaid, "chat").await;
    let read = claimed(all).await;
    let order = read.waiting[0].order;
    let expired = |is_given_up| [Expired { order, kind: Kind::OrderPaid, is_given_up }];

    assert_eq!(all.expire_attempts(HOUR).await.unwrap(), []);
    assert_eq!(all.expire_attempts(Duration::ZERO).await.unwrap(), expired(false));
    assert!(due(all).await.is_empty());
    let repeat = repeats(all).await.swap_remove(0);
    assert_eq!((repeat.waiting[0].id, repeat.waiting[0].attempts, repeat.ambiguous), (id, 1, true));

    assert!(all.claim(&repeat).await.unwrap());
    assert_eq!(all.expire_attempts(Duration::ZERO).await.unwrap(), expired(true));
    let found = all.of_order(order).await.unwrap();
    assert_eq!((found[0].status, found[0].ambiguous, found[0].attempts), (Status::Failed, true, 2));
}

pub async fn only_success_counts_after_an_attempt_expired(all: &dyn Notifications) {
    with_chat(all, Kind::OrderPaid, "chat").await;
    let first = claimed(all).await;
    all.expire_attempts(Duration::ZERO).await.unwrap();
    all.claim(&repeats(all).await[0]).await.unwrap();
    let status = async || all.of_order(first.waiting[0].order).await.unwrap()[0].status;

    settle(all, &first, &retry(Duration::ZERO)).await;
    assert!(repeats(all).await.is_empty(), "the second attempt is in progress");
    assert_eq!(status().await, Status::Queued);

    settle(all, &first, &Outcome::Sent).await;
    assert_eq!(status().await, Status::Sent);
}
