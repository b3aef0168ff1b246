//! Rate limits: those that the sender complies with, and those that the provider demands in a response.

use std::time::Duration;

use notification::{client::Limits, model::MessengerError};
use testkit::eventually;
use tokio::time::Instant;

use super::Fixture;
use crate::fakes::Reply;

#[tokio::test]
async fn messages_keep_to_the_rate_limits_and_their_order() {
    let limits = Limits { overall: Duration::from_millis(20), per_chat: Duration::from_millis(300) };
    let fixture = Fixture::with_limits(limits).await;
    let mut orders = Vec::new();
    for index in 0..30 {
        let chat = if index < 10 { "busy".to_owned() } else { format!("chat {index}") };
        orders.push(fixture.paid(&chat).await);
    }
    let _sender = fixture.sender(&fixture.lease, None);

    for order in &orders {
        fixture.ended(*order).await;
    }

    let sent = fixture.messenger.sent();
    // The reserved slots are spaced exactly, but the messages are not, because each attempt is recorded before it is
    // sent.
    let jitter = Duration::from_millis(100);
    assert!(sent[29].at - sent[0].at + jitter >= limits.overall * 29);
    let busy: Vec<_> = sent.iter().filter(|message| message.chat == "busy").collect();
    assert!(busy[9].at - busy[0].at + jitter >= limits.per_chat * 9);
    let order_of_busy: Vec<_> =
        busy.iter().filter_map(|message| message.notification).map(|(order, _)| order).collect();
    assert_eq!(order_of_busy, orders[..10]);
    assert_eq!(sent.len(), 30);
}

#[tokio::test]
async fn a_rate_limited_message_delays_only_its_chat() {
    let fixture = Fixture::new().await;
    let (short, long) = (Duration::from_secs(3), Duration::from_secs(20));
    let _sender = fixture.sender(&fixture.lease, None);
    // Limits of many chats are no failure of the messenger.
    for chat in 0..10 {
        fixture.messenger.script([Reply::Error(MessengerError::RateLimited(long))]);
        let limited = fixture.paid(&format!("stricter {chat}")).await;
        eventually(|| async { fixture.find(limited).await.filter(|found| found.attempts == 1) }).await;
    }
    fixture.messenger.script([Reply::Error(MessengerError::RateLimited(short))]);
    let start = Instant::now();
    let first = fixture.paid("strict").await;
    eventually(|| async { fixture.find(first).await.filter(|found| found.attempts == 1) }).await;
    let second = fixture.paid("strict").await;
    let other = fixture.paid("other").await;

    fixture.ended(other).await;
    tokio::time::sleep(short).await;
    fixture.ended(first).await;
    fixture.ended(second).await;

    assert!(fixture.messages_about(other)[0].at - start < Duration::from_secs(1));
    let (first, second) = (&fixture.messages_about(first)[0], &fixture.messages_about(second)[0]);
    assert!(first.at - start >= short && second.at >= first.at);
}
