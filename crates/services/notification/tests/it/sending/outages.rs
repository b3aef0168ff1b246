//! Outages of the messenger and of iam.

use std::time::Duration;

use notification::{
    client::Reply,
    model::{MessengerError, Status},
    service::STABLE_FOR,
};
use tokio::time::Instant;

use super::{FIVE_MINUTES, Fixture, RECOVERY_TIMEOUT};

#[tokio::test(start_paused = true)]
async fn after_an_outage_of_five_minutes_every_user_is_notified_once() {
    let fixture = Fixture::new();
    let start = Instant::now();
    fixture.messenger.fail_calls(Reply::Error(MessengerError::Unreachable("no route".to_owned())), FIVE_MINUTES);
    let _sender = fixture.sender(&fixture.lease, None);
    let mut orders = Vec::new();
    for chat in 0..100 {
        orders.push(fixture.paid(&format!("chat {}", chat % 40)).await);
        tokio::time::sleep(Duration::from_secs(2)).await;
    }

    tokio::time::sleep_until(start + FIVE_MINUTES).await;

    for order in orders {
        let found = fixture.ended(order).await;
        assert_eq!((found.status, found.ambiguous, fixture.times_sent(order)), (Status::Sent, false, 1));
    }
    assert!(start.elapsed() < FIVE_MINUTES + RECOVERY_TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn after_five_minutes_of_timeouts_every_user_is_notified() {
    let fixture = Fixture::new();
    let start = Instant::now();
    fixture.messenger.fail_calls(Reply::TimedOut, FIVE_MINUTES);
    let _sender = fixture.sender(&fixture.lease, None);
    let mut orders = Vec::new();
    for chat in 0..100 {
        orders.push(fixture.paid(&format!("chat {chat}")).await);
    }

    tokio::time::sleep_until(start + FIVE_MINUTES).await;

    tokio::time::sleep(STABLE_FOR).await;
    let mut ambiguous = 0;
    for order in orders {
        let found = fixture.ended(order).await;
        ambiguous += usize::from(found.ambiguous);
        assert_eq!((found.status, fixture.times_sent(order)), (Status::Sent, 1), "{found:?}");
    }
    assert!((1..=32).contains(&ambiguous), "{ambiguous} messages timed out");
    assert!(start.elapsed() < FIVE_MINUTES + STABLE_FOR + RECOVERY_TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn two_failures_in_a_row_lose_nothing() {
    let fixture = Fixture::new();
    let bad_gateway = Reply::Error(MessengerError::Unknown("502".to_owned()));
    fixture.messenger.fail_messages(bad_gateway, Duration::from_secs(20));
    let _sender = fixture.sender(&fixture.lease, None);

    let order = fixture.paid("chat").await;
    tokio::time::sleep(FIVE_MINUTES).await;

    let found = fixture.find(order).await.unwrap();
    assert_eq!((found.status, found.ambiguous), (Status::Sent, true), "{found:?}");
    assert_eq!(fixture.times_sent(order), 1);
}

#[tokio::test(start_paused = true)]
async fn while_the_provider_fails_one_message_at_a_time_probes_it() {
    let fixture = Fixture::new();
    let outage = Duration::from_secs(20);
    fixture.messenger.fail_messages(Reply::Error(MessengerError::Unknown("502".to_owned())), outage);
    let _sender = fixture.sender(&fixture.lease, None);
    let mut orders = Vec::new();
    for chat in 0..300 {
        orders.push(fixture.paid(&format!("chat {chat}")).await);
    }

    tokio::time::sleep(outage + STABLE_FOR * 2).await;

    let mut ambiguous = 0;
    for order in orders {
        let found = fixture.ended(order).await;
        assert_eq!((found.status, fixture.times_sent(order)), (Status::Sent, 1), "{found:?}");
        ambiguous += usize::from(found.ambiguous);
    }
    // The circuit breaker lets one through after each probe, of which there are at most four a second.
    assert!((32..=32 + 4 * 20).contains(&ambiguous), "{ambiguous} messages were sent to a failing provider");
}

#[tokio::test(start_paused = true)]
async fn while_iam_is_unavailable_nothing_is_lost_and_calls_are_bounded() {
    let fixture = Fixture::new();
    fixture.users.set_unavailable(true);
    let _sender = fixture.sender(&fixture.lease, Some("fallback"));
    let mut orders = Vec::new();
    for _ in 0..100 {
        orders.push(fixture.paid("chat").await);
    }

    tokio::time::sleep(FIVE_MINUTES).await;
    let calls = fixture.users.calls();
    fixture.users.set_unavailable(false);

    for order in orders {
        assert_eq!(fixture.ended(order).await.status, Status::Sent);
    }
    assert!(calls <= 16 * 302, "{calls} calls: each second, 16 users are looked up");
    assert!(fixture.messenger.sent().iter().all(|message| message.chat == "chat"));
}
