//! Tests of the text and the chat of messages, of unconfirmed contacts, and of messages that the messenger rejects.

use std::time::Duration;

use notification::model::{Kind, MessengerError, Status};
use testkit::{new_order, new_user};
use tokio::time::Instant;

use super::Fixture;
use crate::fakes::Reply;

#[tokio::test]
async fn a_user_without_a_chat_is_notified_in_the_fallback_chat() {
    let fixture = Fixture::new().await;
    let _sender = fixture.sender(&fixture.lease, Some("fallback"));

    let own = fixture.paid("own").await;
    let other = new_order();
    fixture.queue(other, new_user(), Kind::ShipAssembled).await;

    for (order, chat, words) in [(own, "own", "Your order is paid"), (other, "fallback", "Your ship is ready")] {
        let found = fixture.ended(order).await;
        let sent = fixture.messages_about(order);
        assert_eq!((found.status, found.attempts, found.ambiguous), (Status::Sent, 1, false));
        assert_eq!(sent.len(), 1);
        assert_eq!(sent[0].chat, chat);
        assert!(sent[0].text.starts_with(words) && sent[0].text.contains(&order.to_string()), "{}", sent[0].text);
    }
}

#[tokio::test]
async fn a_new_notification_is_sent_without_waiting_for_a_poll() {
    let fixture = Fixture::new().await;
    let _sender = fixture.sender(&fixture.lease, None);
    tokio::time::sleep(Duration::from_millis(1300)).await;
    let queued_at = Instant::now();

    let order = fixture.paid("chat").await;
    fixture.ended(order).await;

    assert!(fixture.messages_about(order)[0].at - queued_at < Duration::from_millis(500));
}

#[tokio::test]
async fn a_notification_without_any_chat_fails() {
    let fixture = Fixture::new().await;
    let _sender = fixture.sender(&fixture.lease, None);
    let order = new_order();

    fixture.queue(order, new_user(), Kind::OrderPaid).await;

    assert_eq!(fixture.ended(order).await.status, Status::Failed);
    assert_eq!(fixture.times_sent(order), 0);
}

#[tokio::test]
async fn a_rejected_notification_fails_and_blocks_no_other() {
    let fixture = Fixture::new().await;
    fixture.messenger.script([Reply::Error(MessengerError::Rejected("403".to_owned()))]);
    let _sender = fixture.sender(&fixture.lease, None);

    let blocked = fixture.paid("chat").await;
    assert_eq!(fixture.ended(blocked).await.status, Status::Failed);
    let other = fixture.paid("chat").await;

    assert_eq!(fixture.ended(other).await.status, Status::Sent);
    assert_eq!(fixture.times_sent(blocked), 0);
}

/// Longer than the interval of the sender's polls.
const A_WHILE: Duration = Duration::from_secs(3);

#[tokio::test]
async fn a_skipped_notification_ends_and_holds_up_no_other() {
    let fixture = Fixture::new().await;
    let _sender = fixture.strict_sender();
    let (user, first, second, third) = (new_user(), new_order(), new_order(), new_order());
    fixture.users.set_chat(user, "42");

    fixture.queue(first, user, Kind::OrderPaid).await;
    let skipped = fixture.ended(first).await;
    let calls = fixture.users.calls();
    tokio::time::sleep(A_WHILE).await;
    assert_eq!((skipped.status, skipped.attempts, skipped.ambiguous), (Status::Failed, 0, false));
    assert_eq!(fixture.users.calls(), calls, "it is not looked up again");
    fixture.users.confirm(user);
    fixture.queue(second, user, Kind::OrderPaid).await;
    fixture.queue(third, new_user(), Kind::OrderPaid).await;

    assert_eq!(fixture.ended(second).await.status, Status::Sent);
    assert_eq!(fixture.messages_about(second)[0].chat, "42");
    assert_eq!(fixture.ended(third).await.status, Status::Sent);
    assert_eq!(fixture.messages_about(third)[0].chat, "fallback", "a user without a contact has the fallback chat");
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(fixture.times_sent(first), 0, "what was skipped is not sent later, nor to the fallback chat");
    assert_eq!(fixture.notifications.queued(10).await.unwrap(), 0);
}
