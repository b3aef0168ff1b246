//! Attempts that are never to be charged.

use contracts::proto::payment::v1::{PayOrderRequest, VoidAttemptRequest};
use platform::grpc::reason;
use tonic::Code;

use super::{shop, with_session};

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
    let shop = shop().await;
    let order = shop.order();

    for _ in 0..2 {
        let voided = shop.service().void_attempt(void(&order)).await.unwrap().into_inner();
        assert_eq!(voided.transaction_uuid, "");
    }
    let declined = shop.pay(&order).await.unwrap_err();
    let charged = shop.pay(&PayOrderRequest { attempt: 2, ..order }).await;

    assert_eq!((declined.code(), reason(&declined)), (Code::FailedPrecondition, Some("PAYMENT_DECLINED")));
    assert!(charged.is_ok(), "{charged:?}");
}

#[tokio::test]
async fn a_charged_attempt_is_told_instead_of_voided() {
    let shop = shop().await;
    let order = shop.order();
    let transaction = shop.pay(&order).await.unwrap();

    let voided = shop.service().void_attempt(void(&order)).await.unwrap().into_inner();

    assert_eq!(voided.transaction_uuid, transaction);
}

#[tokio::test]
async fn a_user_cannot_void_an_attempt() {
    let shop = shop().await;
    let request = with_session(&shop.session, void(&shop.order()));

    let refused = shop.anybody().await.void_attempt(request).await.unwrap_err();

    assert_eq!(refused.code(), Code::Unauthenticated);
}
