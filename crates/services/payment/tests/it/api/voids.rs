//! Tests of `VoidAttempt`.

use contracts::proto::payment::v1::PayOrderRequest;
use platform::grpc::reason;
use tonic::Code;

use super::fixture;

#[tokio::test]
async fn a_void_attempt_is_declined_and_the_next_one_is_charged() {
    let fixture = fixture().await;
    let order = fixture.order();

    for _ in 0..2 {
        assert_eq!(fixture.void(&order).await.unwrap(), "");
    }
    let declined = fixture.pay(&order).await.unwrap_err();
    let charged = fixture.pay(&PayOrderRequest { attempt: 2, ..order }).await;

    assert_eq!((declined.code(), reason(&declined)), (Code::FailedPrecondition, Some("PAYMENT_DECLINED")));
    assert!(charged.is_ok(), "{charged:?}");
}

#[tokio::test]
async fn voiding_a_charged_attempt_returns_its_transaction() {
    let fixture = fixture().await;
    let order = fixture.order();
    let transaction = fixture.pay(&order).await.unwrap();

    let voided = fixture.void(&order).await.unwrap();

    assert_eq!(voided, transaction);
}
