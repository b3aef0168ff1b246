//! `VoidAttempt`.

use contracts::proto::payment::v1::{PayOrderRequest, VoidAttemptRequest};
use platform::grpc::reason;
use tonic::Code;

use super::{fixture, with_session};

fn void(order: &PayOrderRequest) -> VoidAttemptRequest {
    VoidAttemptRequest {
        order_uuid: order.order_uuid.clone(),
        user_uuid: order.user_uuid.clone(),
        payment_method: order.payment_method,
        amount_minor: order.amount_minor,
        attempt: order.attempt,
    }
}

#[tokio::test]
async fn a_void_attempt_is_declined_and_the_next_one_is_charged() {
    let fixture = fixture().await;
    let order = fixture.order();

    for _ in 0..2 {
        let voided = fixture.service().void_attempt(void(&order)).await.unwrap().into_inner();
        assert_eq!(voided.transaction_uuid, "");
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

    let voided = fixture.service().void_attempt(void(&order)).await.unwrap().into_inner();

    assert_eq!(voided.transaction_uuid, transaction);
}

#[tokio::test]
async fn a_user_cannot_void_an_attempt() {
    let fixture = fixture().await;
    let request = with_session(&fixture.session, void(&fixture.order()));

    let refused = fixture.anonymous().await.void_attempt(request).await.unwrap_err();

    assert_eq!(refused.code(), Code::Unauthenticated);
}
