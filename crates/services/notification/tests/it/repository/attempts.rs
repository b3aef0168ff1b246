//! Claims and outcomes of attempts.

use std::time::Duration;

use futures::future::join_all;
use notification::model::{AttemptOutcome, Kind, Outgoing, Status};
use testkit::new_order;

use crate::repository::{
    HOUR, ambiguous, by_chat, claimed, due, found, notifications, queue, queued, retry, settle, with_chat,
};

#[tokio::test]
async fn a_notification_is_claimed_as_it_was_read_or_not_at_all() {
    let all = &notifications().await;
    with_chat(all, Kind::OrderPaid, "chat").await;
    let read = due(all).await.swap_remove(0);

    assert!(all.claim(&read).await.unwrap());
    assert!(!all.claim(&read).await.unwrap(), "it is being sent");
    settle(all, &read, &retry(Duration::ZERO)).await;
    assert!(!all.claim(&read).await.unwrap(), "it was read before the first attempt");

    assert!(all.claim(&due(all).await[0]).await.unwrap());
    assert_eq!(all.of_order(read.due.order).await.unwrap()[0].attempts, 2);
}

#[tokio::test]
async fn a_claim_sets_the_chat_of_a_notification_that_has_none() {
    let all = &notifications().await;
    let id = queue(all, new_order(), Kind::OrderPaid).await;
    let read = found(all, "chat").await;

    assert!(all.claim(&read).await.unwrap());
    assert!(!all.claim(&read).await.unwrap(), "it is being sent");

    assert!(all.without_chat(100, &[]).await.unwrap().is_empty());
    assert_eq!(all.of_order(read.due.order).await.unwrap()[0].attempts, 1);
    settle(all, &read, &retry(Duration::ZERO)).await;
    assert_eq!(by_chat(&due(all).await), [("chat", id)]);
}

#[tokio::test]
async fn a_notification_is_not_claimed_for_another_chat_than_its_own() {
    let all = &notifications().await;
    let id = queue(all, new_order(), Kind::OrderPaid).await;
    let read = found(all, "new").await;
    all.set_chat(&[id], "old").await.unwrap();

    assert!(!all.claim(&read).await.unwrap());

    assert_eq!(by_chat(&due(all).await), [("old", id)]);
}

#[tokio::test]
async fn a_notification_whose_chat_is_found_waits_for_those_of_the_chat() {
    let all = &notifications().await;
    let preceding = with_chat(all, Kind::OrderPaid, "chat").await;
    with_chat(all, Kind::OrderPaid, "other").await;
    let [earlier, other]: [Outgoing; 2] = due(all).await.try_into().unwrap();
    queue(all, new_order(), Kind::ShipAssembled).await;
    let read = found(all, "chat").await;

    let (claimed, other_claimed) = tokio::join!(all.claim(&read), all.claim(&other));

    assert!(!claimed.unwrap(), "another notification of the chat waits");
    assert!(other_claimed.unwrap(), "one of the same group of claims");
    assert_eq!(all.of_order(read.due.order).await.unwrap()[0].attempts, 0);
    assert!(all.without_chat(100, &[]).await.unwrap().is_empty(), "it has its chat");
    assert_eq!(by_chat(&due(all).await), [("chat", preceding)]);

    // The new notification does not wait for an ambiguous or a sent notification.
    let unknown = AttemptOutcome::Retry { after: HOUR, problem: "no response".to_owned(), ambiguous: true };
    assert!(all.claim(&earlier).await.unwrap());
    settle(all, &earlier, &unknown).await;
    settle(all, &read, &AttemptOutcome::Sent).await;
    queue(all, new_order(), Kind::ShipAssembled).await;
    assert!(all.claim(&found(all, "chat").await).await.unwrap());
}

#[tokio::test]
async fn an_attempt_ends_with_its_outcome() {
    let all = &notifications().await;
    let failed = AttemptOutcome::Failed { problem: "blocked".to_owned(), ambiguous: false };
    let unknown = AttemptOutcome::Retry { after: Duration::ZERO, problem: "no response".to_owned(), ambiguous: true };
    let cases = [
        (AttemptOutcome::Sent, Status::Sent, false),
        (AttemptOutcome::Skipped { problem: "not confirmed".to_owned() }, Status::Failed, false),
        (failed, Status::Failed, false),
        (unknown, Status::Queued, true),
        (retry(HOUR), Status::Queued, false),
    ];
    for (outcome, status, ambiguous) in cases {
        with_chat(all, Kind::OrderPaid, &format!("{outcome:?}")).await;
        let attempt = claimed(all).await;

        settle(all, &attempt, &outcome).await;

        let found = all.of_order(attempt.due.order).await.unwrap().swap_remove(0);
        assert_eq!((found.status, found.attempts, found.ambiguous), (status, 1, ambiguous), "{outcome:?}");
        assert_eq!(found.sent_at.is_some(), status == Status::Sent);
    }
    assert_eq!(queued(all).await, 2);
}

#[tokio::test]
async fn chats_that_are_sent_to_at_once_are_claimed_and_settled_each_alone() {
    let all = &notifications().await;
    for number in 10..30 {
        with_chat(all, Kind::OrderPaid, &format!("chat {number}")).await;
    }
    let read = due(all).await;
    let changed = |number: usize| number % 4 == 3;
    for (_, outgoing) in read.iter().enumerate().filter(|(number, _)| changed(*number)) {
        all.settle(&[outgoing.due.last_attempt()], &AttemptOutcome::Sent).await.unwrap();
    }

    let claims = join_all(read.iter().map(|outgoing| all.claim(outgoing))).await;
    let outcome = |number: usize| if number.is_multiple_of(2) { AttemptOutcome::Sent } else { retry(HOUR) };
    let settled = read.iter().enumerate().filter(|(number, _)| !changed(*number));
    join_all(settled.map(async |(number, outgoing)| settle(all, outgoing, &outcome(number)).await)).await;

    for (number, (outgoing, claimed)) in read.iter().zip(claims).enumerate() {
        assert_eq!(claimed.unwrap(), !changed(number), "{}", outgoing.chat);
        let found = all.of_order(outgoing.due.order).await.unwrap().swap_remove(0);
        let expected = match (changed(number), number % 2) {
            (true, _) => (Status::Sent, 0),
            (false, 0) => (Status::Sent, 1),
            (false, _) => (Status::Queued, 1),
        };
        assert_eq!((found.status, found.attempts), expected, "{}", outgoing.chat);
    }
}

#[tokio::test]
async fn an_ambiguous_notification_blocks_nothing_and_is_read_separately() {
    let all = &notifications().await;
    let unknown = |after| AttemptOutcome::Retry { after, problem: "no response".to_owned(), ambiguous: true };
    let first = with_chat(all, Kind::OrderPaid, "chat").await;
    let attempt = claimed(all).await;
    let second = with_chat(all, Kind::ShipAssembled, "chat").await;

    settle(all, &attempt, &unknown(HOUR)).await;
    assert_eq!(by_chat(&due(all).await), [("chat", second)]);
    assert!(ambiguous(all).await.is_empty(), "it is postponed");

    settle(all, &attempt, &unknown(Duration::ZERO)).await;
    assert_eq!(by_chat(&due(all).await), [("chat", second)]);
    let last = ambiguous(all).await.swap_remove(0);
    assert_eq!((last.ambiguous, last.due.id), (true, first));
    assert!(!all.claim(&attempt).await.unwrap(), "it was read before it became ambiguous");
    assert!(all.claim(&last).await.unwrap());
}

#[tokio::test]
async fn only_success_counts_after_an_attempt_expired() {
    let all = &notifications().await;
    with_chat(all, Kind::OrderPaid, "chat").await;
    let first = claimed(all).await;
    all.expire_attempts(Duration::ZERO).await.unwrap();
    all.claim(&ambiguous(all).await[0]).await.unwrap();
    let status = async || all.of_order(first.due.order).await.unwrap()[0].status;

    settle(all, &first, &retry(Duration::ZERO)).await;
    assert!(ambiguous(all).await.is_empty(), "the second attempt is in progress");
    assert_eq!(status().await, Status::Queued);

    settle(all, &first, &AttemptOutcome::Sent).await;
    assert_eq!(status().await, Status::Sent);
}
