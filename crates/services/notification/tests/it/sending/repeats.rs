//! Repeats of messages that got no answer.

use notification::model::{MessengerError, Status};
use testkit::eventually;

use super::{Fixture, REPEAT_AFTER};
use crate::fakes::Reply;

#[tokio::test]
async fn a_message_without_an_answer_is_repeated_once_and_marked_ambiguous() {
    let fixture = Fixture::new().await;
    fixture.messenger.script([Reply::AcceptedButTimedOut]);
    let _sender = fixture.sender(&fixture.lease, None);

    let order = fixture.paid("chat").await;

    let found = fixture.ended(order).await;
    assert_eq!((found.status, found.ambiguous, found.attempts), (Status::Sent, true, 2));
    let sent = fixture.messages_about(order);
    assert_eq!(sent.len(), 2);
    assert!(sent[1].at - sent[0].at >= REPEAT_AFTER);
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
    tokio::time::sleep(REPEAT_AFTER * 2).await;
    assert_eq!(fixture.times_sent(order), 2);
}

#[tokio::test]
async fn a_repeat_waits_until_the_messenger_answers() {
    let fixture = Fixture::new().await;
    fixture.messenger.script([Reply::AcceptedButTimedOut]);
    let _sender = fixture.sender(&fixture.lease, None);
    let order = fixture.paid("chat").await;
    eventually(|| async { fixture.find(order).await.filter(|found| found.ambiguous) }).await;

    fixture.messenger.fail_calls(Reply::Error(MessengerError::Unknown("502".to_owned())), REPEAT_AFTER * 2);

    let found = fixture.ended(order).await;
    assert_eq!((found.status, found.attempts, fixture.times_sent(order)), (Status::Sent, 2, 2));
}
