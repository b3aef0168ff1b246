//! Outages of the messenger and of iam, and retries of messages that had no response.

use std::time::Duration;

use notification::model::{MessengerError, Status};
use testkit::eventually;
use tokio::time::Instant;

use super::{Fixture, RECOVERY_TIMEOUT, RETRY_DELAY};
use crate::fakes::Reply;

const OUTAGE: Duration = Duration::from_secs(3);

#[tokio::test]
async fn after_an_outage_every_user_is_notified_once() {
    let fixture = Fixture::new().await;
    let start = Instant::now();
    fixture.messenger.fail_calls(Reply::Error(MessengerError::Unreachable("no route".to_owned())), OUTAGE);
    let _sender = fixture.sender(&fixture.lease, None);
    let mut orders = Vec::new();
    for chat in 0..100 {
        orders.push(fixture.paid(&format!("chat {}", chat % 40)).await);
    }

    tokio::time::sleep_until(start + OUTAGE).await;

    for order in orders {
        let found = fixture.ended(order).await;
        assert_eq!((found.status, found.ambiguous, fixture.times_sent(order)), (Status::Sent, false, 1));
    }
    assert!(start.elapsed() < OUTAGE + RECOVERY_TIMEOUT);
}

#[tokio::test]
async fn while_the_provider_fails_one_message_at_a_time_probes_it() {
    let fixture = Fixture::new().await;
    let mut orders = Vec::new();
    for chat in 0..300 {
        orders.push(fixture.paid(&format!("chat {chat}")).await);
    }

    fixture.messenger.fail_messages(Reply::Error(MessengerError::Unknown("502".to_owned())), OUTAGE);
    let _sender = fixture.sender(&fixture.lease, None);
    tokio::time::sleep(OUTAGE).await;

    let mut ambiguous = 0;
    for order in orders {
        let found = fixture.ended(order).await;
        assert_eq!((found.status, fixture.times_sent(order)), (Status::Sent, 1), "{found:?}");
        ambiguous += usize::from(found.ambiguous);
    }
    // The circuit breaker lets one message through after each probe, of which there are at most four a second.
    assert!((10..=32 + 4 * 3).contains(&ambiguous), "{ambiguous} messages were sent to a failing provider");
}

#[tokio::test]
async fn while_iam_is_unavailable_nothing_is_lost_and_calls_are_bounded() {
    let fixture = Fixture::new().await;
    fixture.users.set_unavailable(true);
    let mut orders = Vec::new();
    for _ in 0..100 {
        orders.push(fixture.paid("chat").await);
    }
    let _sender = fixture.sender(&fixture.lease, Some("fallback"));

    tokio::time::sleep(OUTAGE).await;
    let calls = fixture.users.calls();
    fixture.users.set_unavailable(false);

    for order in orders {
        assert_eq!(fixture.ended(order).await.status, Status::Sent);
    }
    assert!(calls <= 16 * 5, "{calls} calls: each second, 16 users are looked up");
    assert!(fixture.messenger.sent().iter().all(|message| message.chat == "chat"));
}

#[tokio::test]
async fn a_message_without_a_response_is_retried_once_and_marked_ambiguous() {
    let fixture = Fixture::new().await;
    fixture.messenger.script([Reply::AcceptedButTimedOut]);
    let _sender = fixture.sender(&fixture.lease, None);

    let order = fixture.paid("chat").await;

    let found = fixture.ended(order).await;
    assert_eq!((found.status, found.ambiguous, found.attempts), (Status::Sent, true, 2));
    let sent = fixture.messages_about(order);
    assert_eq!(sent.len(), 2);
    assert!(sent[1].at - sent[0].at >= RETRY_DELAY);
}

#[tokio::test]
async fn no_message_is_sent_a_third_time() {
    let fixture = Fixture::new().await;
    fixture.messenger.script([
        Reply::AcceptedButTimedOut,
        Reply::Error(MessengerError::Unreachable("no route".to_owned())),
        Reply::AcceptedButTimedOut,
    ]);
    let _sender = fixture.sender(&fixture.lease, None);

    let order = fixture.paid("chat").await;

    let found = fixture.ended(order).await;
    assert_eq!((found.status, found.ambiguous), (Status::Failed, true));
    tokio::time::sleep(RETRY_DELAY * 2).await;
    assert_eq!(fixture.times_sent(order), 2);
}

#[tokio::test]
async fn an_ambiguous_retry_waits_until_the_messenger_responds() {
    let fixture = Fixture::new().await;
    fixture.messenger.script([Reply::AcceptedButTimedOut]);
    let _sender = fixture.sender(&fixture.lease, None);
    let order = fixture.paid("chat").await;
    eventually(|| async { fixture.find(order).await.filter(|found| found.ambiguous) }).await;

    fixture.messenger.fail_calls(Reply::Error(MessengerError::Unknown("502".to_owned())), RETRY_DELAY * 2);

    let found = fixture.ended(order).await;
    assert_eq!((found.status, found.attempts, fixture.times_sent(order)), (Status::Sent, 2, 2));
}
