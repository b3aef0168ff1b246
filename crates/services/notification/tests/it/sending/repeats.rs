//! Repeats of messages that got no answer.

use std::time::Duration;

use metrics_exporter_prometheus::PrometheusBuilder;
use notification::{
    error::Error,
    model::{Kind, MessengerError, Status},
};
use platform::auth::Caller;
use testkit::eventually;
use tokio::time::Instant;

use super::{Fixture, STABLE_FOR};
use crate::fakes::Reply;

#[tokio::test]
async fn a_message_without_an_answer_is_repeated_once_and_marked_ambiguous() {
    let fixture = Fixture::new().await;
    fixture.messenger.script([Reply::AcceptedButTimedOut]);
    let _sender = fixture.sender(&fixture.lease, None);

    let order = fixture.paid("chat").await;

    let found = fixture.repeated(order).await;
    assert_eq!((found.status, found.ambiguous, found.attempts), (Status::Sent, true, 2));
    let sent = fixture.messages_about(order);
    assert_eq!(sent.len(), 2);
    assert!(sent[1].at - sent[0].at >= STABLE_FOR, "the provider was not known to be stable");
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
    tokio::time::sleep(STABLE_FOR * 3).await;
    assert_eq!(fixture.times_sent(order), 2);
}

#[tokio::test]
async fn a_repeat_blocks_no_other() {
    let fixture = Fixture::new().await;
    fixture.messenger.script([Reply::AcceptedButTimedOut]);
    let _sender = fixture.sender(&fixture.lease, None);
    let first = fixture.paid("chat").await;
    eventually(|| async { fixture.find(first).await.filter(|found| found.ambiguous) }).await;

    let start = Instant::now();
    let second = fixture.paid("chat").await;

    assert_eq!(fixture.ended(second).await.status, Status::Sent);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert_eq!(fixture.find(first).await.unwrap().status, Status::Queued);
}

#[tokio::test]
async fn a_message_whose_repeat_was_rejected_is_sent_again_when_its_user_asks_for_it() {
    let fixture = Fixture::new().await;
    fixture.messenger.script([
        Reply::AcceptedButTimedOut,
        Reply::Error(MessengerError::Rejected("403".to_owned())),
        Reply::AcceptedButTimedOut,
    ]);
    let _sender = fixture.sender(&fixture.lease, None);
    let order = fixture.paid("chat").await;
    let rejected = fixture.repeated(order).await;
    assert_eq!((rejected.status, rejected.ambiguous), (Status::Failed, true));
    let caller = Caller::Service("order".to_owned());
    let resend = async || fixture.service.resend(&caller, order, Kind::OrderPaid).await;

    assert!(matches!(resend().await, Err(Error::JustEnded)));
    fixture.an_hour_passes().await;
    assert_eq!(resend().await.unwrap().status, Status::Queued);

    let ended = fixture.repeated(order).await;
    assert_eq!((ended.status, ended.ambiguous, fixture.times_sent(order)), (Status::Failed, true, 2));
    fixture.an_hour_passes().await;
    assert!(matches!(resend().await, Err(Error::SentTwice)), "a third message might arrive");
}

#[tokio::test]
async fn a_repeat_whose_replica_crashed_is_counted_as_given_up() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let fixture = Fixture::new().await;
    fixture.messenger.script([Reply::AcceptedButTimedOut, Reply::AcceptedButTimedOut]);
    let sender = fixture.sender(&fixture.lease, None);
    let order = fixture.paid("chat").await;
    tokio::time::sleep(STABLE_FOR).await;
    eventually(|| async { (fixture.times_sent(order) == 2).then_some(()) }).await;

    sender.kill().await;
    let _sender = fixture.sender(&fixture.lease.rival("second"), None);

    let found = fixture.ended(order).await;
    assert_eq!((found.status, found.ambiguous), (Status::Failed, true));
    let rendered = recorder.handle().render();
    assert!(rendered.contains(r#"notifications_failed_total{kind="order_paid"} 1"#), "{rendered}");
    assert!(rendered.contains(r#"notification_retries_total{kind="order_paid"} 1"#), "{rendered}");
}
