//! Digests: several notifications in one message.

use std::time::Duration;

use contracts::ids::OrderId;
use notification::{
    client::{MAX_TEXT_LENGTH, Reply},
    model::{Kind, MessengerError, Status},
    repository::Notifications as _,
    service::STABLE_FOR,
};
use testkit::eventually;

use super::{FIVE_MINUTES, Fixture, LIMITS, random_order, random_user};

#[tokio::test(start_paused = true)]
async fn digests_keep_a_busy_chat_from_falling_behind() {
    let fixture = Fixture::with_limits(LIMITS);
    let _sender = fixture.sender(&fixture.lease, Some("fallback"));
    let mut orders = Vec::new();
    for _ in 0..FIVE_MINUTES.as_millis() / 50 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let order = random_order();
        fixture.queue(order, random_user(), Kind::ShipAssembled).await;
        orders.push(order);
    }
    tokio::time::sleep(Duration::from_secs(3)).await;

    let queued = fixture.notifications.queued(10_000).await.unwrap();
    assert_eq!(queued, 0, "of {} notifications to one chat so many are queued", orders.len());
    let sent = fixture.messenger.sent();
    let order_of_sent: Vec<OrderId> =
        sent.iter().flat_map(|message| &message.notifications).map(|(order, _)| *order).collect();
    assert_eq!(order_of_sent, orders);
    assert!(sent.windows(2).all(|two| two[1].at - two[0].at >= LIMITS.per_chat));
    assert!(sent.iter().all(|message| message.text.encode_utf16().count() <= MAX_TEXT_LENGTH));
}

/// Queues notifications for one user that fit into one digest.
async fn queue_for_one_chat(fixture: &Fixture, count: usize) -> Vec<OrderId> {
    let user = random_user();
    fixture.users.set_chat(user, "chat");
    let mut orders = Vec::new();
    for _ in 0..count {
        let order = random_order();
        fixture.queue(order, user, Kind::OrderPaid).await;
        orders.push(order);
    }
    orders
}

#[tokio::test(start_paused = true)]
async fn a_crash_while_sending_a_digest_makes_all_of_it_ambiguous() {
    let fixture = Fixture::new();
    let orders = queue_for_one_chat(&fixture, 5).await;
    fixture.messenger.script([Reply::AcceptedButTimedOut]);
    let sender = fixture.sender(&fixture.lease, None);
    eventually(|| async { (!fixture.messenger.sent().is_empty()).then_some(()) }).await;

    sender.kill().await;
    let _sender = fixture.sender(&fixture.lease.rival("second"), None);

    tokio::time::sleep(STABLE_FOR).await;
    for order in &orders {
        let found = fixture.ended(*order).await;
        assert_eq!((found.status, found.ambiguous, fixture.times_sent(*order)), (Status::Sent, true, 2), "{found:?}");
    }
    assert_eq!(fixture.messenger.sent()[0].notifications.len(), 5, "one digest with all of them");
}

#[tokio::test(start_paused = true)]
async fn a_digest_has_one_outcome() {
    for (error, status, ambiguous) in [
        (MessengerError::Rejected("403".to_owned()), Status::Failed, false),
        (MessengerError::RateLimited(Duration::from_secs(3)), Status::Sent, false),
        (MessengerError::Unreachable("no route".to_owned()), Status::Sent, false),
        (MessengerError::Unknown("502".to_owned()), Status::Sent, true),
    ] {
        let fixture = Fixture::new();
        let orders = queue_for_one_chat(&fixture, 5).await;
        fixture.messenger.script([Reply::Error(error.clone())]);
        let _sender = fixture.sender(&fixture.lease, None);

        tokio::time::sleep(STABLE_FOR * 2).await;

        for order in orders {
            let found = fixture.ended(order).await;
            let sent = usize::from(status == Status::Sent);
            assert_eq!(
                (found.status, found.ambiguous, fixture.times_sent(order)),
                (status, ambiguous, sent),
                "{error:?}"
            );
        }
    }
}
