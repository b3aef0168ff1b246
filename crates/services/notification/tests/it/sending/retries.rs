//! Retries of messages that had no response.

use notification::model::{MessengerError, Status};
use testkit::eventually;

use super::{Fixture, RETRY_DELAY};
use crate::fakes::Reply;

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
