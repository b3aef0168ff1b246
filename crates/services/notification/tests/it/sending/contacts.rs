//! Contacts that are not confirmed.

use std::time::Duration;

use notification::model::{Kind, Status};

use super::{Fixture, random_order, random_user};

/// Longer than the interval of the sender's polls.
const A_WHILE: Duration = Duration::from_secs(3);

#[tokio::test]
async fn a_skipped_notification_ends_and_holds_up_no_other() {
    let fixture = Fixture::new().await;
    let _sender = fixture.strict_sender();
    let (user, first, second, third) = (random_user(), random_order(), random_order(), random_order());
    fixture.users.set_chat(user, "42");

    fixture.queue(first, user, Kind::OrderPaid).await;
    let skipped = fixture.ended(first).await;
    let calls = fixture.users.calls();
    tokio::time::sleep(A_WHILE).await;
    assert_eq!((skipped.status, skipped.attempts, skipped.ambiguous), (Status::Failed, 0, false));
    assert_eq!(fixture.users.calls(), calls, "it is not looked up again");
    fixture.users.confirm(user);
    fixture.queue(second, user, Kind::OrderPaid).await;
    fixture.queue(third, random_user(), Kind::OrderPaid).await;

    assert_eq!(fixture.ended(second).await.status, Status::Sent);
    assert_eq!(fixture.messages_about(second)[0].chat, "42");
    assert_eq!(fixture.ended(third).await.status, Status::Sent);
    assert_eq!(fixture.messages_about(third)[0].chat, "fallback", "a user without a contact has the fallback chat");
    tokio::time::sleep(A_WHILE).await;
    assert_eq!(fixture.times_sent(first), 0, "what was skipped is not sent later, nor to the fallback chat");
    assert_eq!(fixture.notifications.queued(10).await.unwrap(), 0);
}
