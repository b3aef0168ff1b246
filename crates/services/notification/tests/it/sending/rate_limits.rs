//! Rate limits: those that the sender complies with, and those that the provider demands in a response.

use std::time::Duration;

use notification::{
    client::{Limits, Reply},
    model::{Kind, MessengerError},
    repository::Notifications as _,
};
use testkit::eventually;
use tokio::time::Instant;

use super::{Fixture, random_order, random_user};

#[tokio::test(start_paused = true)]
async fn messages_keep_to_the_rate_limits_and_their_order() {
    let limits = Limits { overall: Duration::from_millis(100), per_chat: Duration::from_secs(1) };
    let fixture = Fixture::with_limits(limits);
    let mut orders = Vec::new();
    for index in 0..60 {
        let chat = if index < 20 { "busy".to_owned() } else { format!("chat {index}") };
        orders.push(fixture.paid(&chat).await);
    }
    let _sender = fixture.sender(&fixture.lease, None);

    for order in &orders {
        fixture.ended(*order).await;
    }

    let sent = fixture.messenger.sent();
    assert!(sent.windows(2).all(|two| two[1].at - two[0].at >= limits.overall));
    let busy: Vec<_> = sent.iter().filter(|message| message.chat == "busy").collect();
    assert!(busy.windows(2).all(|two| two[1].at - two[0].at >= limits.per_chat));
    let order_of_busy: Vec<_> =
        busy.iter().filter_map(|message| message.notification).map(|(order, _)| order).collect();
    assert_eq!(order_of_busy, orders[..20]);
    assert_eq!(sent.len(), 60);
}

#[tokio::test(start_paused = true)]
async fn a_rate_limited_message_delays_only_its_chat() {
    let fixture = Fixture::new();
    let pause = Duration::from_secs(40);
    fixture.messenger.script([Reply::Error(MessengerError::RateLimited(pause))]);
    let start = Instant::now();
    let _sender = fixture.sender(&fixture.lease, None);
    let first = fixture.paid("strict").await;
    eventually(|| async { fixture.find(first).await.filter(|found| found.attempts == 1) }).await;
    let second = fixture.paid("strict").await;
    let other = fixture.paid("other").await;

    fixture.ended(other).await;
    tokio::time::sleep(pause).await;
    fixture.ended(first).await;
    fixture.ended(second).await;

    assert!(fixture.messages_about(other)[0].at - start < Duration::from_secs(1));
    let (first, second) = (&fixture.messages_about(first)[0], &fixture.messages_about(second)[0]);
    assert!(first.at - start >= pause && second.at >= first.at);
}

#[tokio::test(start_paused = true)]
async fn limits_of_some_chats_pause_no_other_chat() {
    let fixture = Fixture::new();
    let pause = Duration::from_secs(40);
    let _sender = fixture.sender(&fixture.lease, None);
    let start = Instant::now();
    for chat in 0..10 {
        fixture.messenger.script([Reply::Error(MessengerError::RateLimited(pause))]);
        let limited = fixture.paid(&format!("strict {chat}")).await;
        eventually(|| async { fixture.find(limited).await.filter(|found| found.attempts == 1) }).await;
    }
    fixture.ended(fixture.paid("other").await).await;

    assert!(start.elapsed() < pause, "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn without_limits_nothing_is_throttled() {
    let fixture = Fixture::with_limits(Limits::default());
    for _ in 0..200 {
        fixture.queue(random_order(), random_user(), Kind::ShipAssembled).await;
        fixture.paid("own").await;
    }
    let start = Instant::now();
    let _sender = fixture.sender(&fixture.lease, Some("fallback"));

    eventually(|| async { (fixture.notifications.queued(1).await.unwrap() == 0).then_some(()) }).await;

    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}
