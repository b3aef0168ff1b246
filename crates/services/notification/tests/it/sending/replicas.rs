//! Crashes and stops of the sender, and a second replica.

use std::collections::HashMap;

use metrics_exporter_prometheus::PrometheusBuilder;
use notification::model::Status;
use testkit::eventually;

use super::Fixture;
use crate::fakes::Reply;

#[tokio::test]
async fn a_crash_during_an_attempt_retries_it_and_one_during_the_retry_gives_it_up() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let fixture = Fixture::new().await;
    fixture.messenger.script([Reply::AcceptedButTimedOut, Reply::AcceptedButTimedOut]);
    let sender = fixture.sender(&fixture.lease, None);
    let order = fixture.paid("chat").await;
    eventually(|| async { (fixture.times_sent(order) == 1).then_some(()) }).await;

    sender.kill().await;
    let sender = fixture.sender(&fixture.lease.rival("second"), None);
    eventually(|| async { (fixture.times_sent(order) == 2).then_some(()) }).await;
    sender.kill().await;
    let _sender = fixture.sender(&fixture.lease.rival("third"), None);

    let found = fixture.ended(order).await;
    assert_eq!((found.status, found.ambiguous, fixture.times_sent(order)), (Status::Failed, true, 2));
    let rendered = recorder.handle().render();
    assert!(rendered.contains(r#"notifications_failed_total{kind="order_paid"} 1"#), "{rendered}");
}

#[tokio::test]
async fn a_stop_finishes_attempts_in_progress() {
    let fixture = Fixture::new().await;
    fixture.messenger.script([Reply::AcceptedButTimedOut]);
    let sender = fixture.sender(&fixture.lease, None);
    let order = fixture.paid("chat").await;
    eventually(|| async { (fixture.times_sent(order) == 1).then_some(()) }).await;

    sender.stop().await;

    let found = fixture.find(order).await.unwrap();
    assert_eq!((found.status, found.ambiguous), (Status::Queued, true));
}

#[tokio::test]
async fn of_two_replicas_one_sends_and_the_other_takes_over() {
    let fixture = Fixture::new().await;
    let first = fixture.sender(&fixture.lease, None);
    let _second = fixture.sender(&fixture.lease.rival("second"), None);
    let mut orders = Vec::new();
    for index in 0..50 {
        orders.push(fixture.paid(&format!("chat {index}")).await);
    }
    for order in &orders {
        fixture.ended(*order).await;
    }

    first.kill().await;
    let later = fixture.paid("chat").await;

    assert_eq!(fixture.ended(later).await.status, Status::Sent);
    let mut times = HashMap::new();
    for notification in fixture.messenger.sent().into_iter().filter_map(|message| message.notification) {
        *times.entry(notification).or_insert(0) += 1;
    }
    assert!(times.len() == 51 && times.values().all(|times| *times == 1));
}
