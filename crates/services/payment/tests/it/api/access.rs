//! Tests of authentication and authorization.

use contracts::proto::payment::v1::{GetPaymentRequest, PayOrderRequest, RefundRequest, VoidAttemptRequest};
use platform::ids;
use testkit::eventually;
use tonic::{Code, transport::Channel};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

use super::{fixture, with_session};

#[tokio::test]
async fn a_call_without_a_valid_session_is_rejected() {
    let fixture = fixture().await;
    let mut anonymous = fixture.anonymous().await;
    let own = PayOrderRequest { amount_minor: 0, attempt: 0, ..fixture.order() };
    let refund = RefundRequest { order_uuid: own.order_uuid.clone() };

    let missing = anonymous.pay_order(own.clone()).await.unwrap_err();
    let empty = anonymous.pay_order(with_session("", own.clone())).await.unwrap_err();
    let dead = anonymous.pay_order(with_session(&ids::random().to_string(), own)).await.unwrap_err();
    let no_service = anonymous.refund(with_session(&fixture.session, refund)).await.unwrap_err();

    let texts = ["missing session-uuid in metadata", "empty session-uuid", "invalid session"];
    for (status, text) in [missing, empty, dead].iter().zip(texts) {
        assert_eq!((status.code(), status.message()), (Code::Unauthenticated, text));
    }
    assert_eq!(no_service.code(), Code::Unauthenticated);
}

#[tokio::test]
async fn an_order_is_paid_by_the_order_service_alone() {
    let fixture = fixture().await;
    let order = fixture.order();

    let others = fixture.service_named("notification").pay_order(order.clone()).await.unwrap_err();
    let unpaid = fixture.payment(&order.order_uuid).await.unwrap_err();

    assert_eq!(others.code(), Code::PermissionDenied, "{others:?}");
    assert_eq!(unpaid.code(), Code::NotFound);
    fixture.pay(&order).await.unwrap();
}

#[tokio::test]
async fn the_identity_of_another_service_neither_refunds_nor_voids_nor_reads() {
    let fixture = fixture().await;
    let order = fixture.order();
    fixture.pay(&order).await.unwrap();
    let PayOrderRequest { order_uuid, user_uuid, payment_method, amount_minor, .. } = order;
    let other = VoidAttemptRequest {
        order_uuid: ids::random().to_string(),
        user_uuid,
        payment_method,
        amount_minor,
        attempt: 1,
    };

    for name in ["notification", "assembly", "delivery", "test"] {
        let mut client = fixture.service_named(name);
        let refund = client.refund(RefundRequest { order_uuid: order_uuid.clone() }).await;
        let void = client.void_attempt(other.clone()).await;
        let read = client.get_payment(GetPaymentRequest { order_uuid: order_uuid.clone() }).await;

        for (call, answer) in
            [("Refund", refund.map(drop)), ("VoidAttempt", void.map(drop)), ("GetPayment", read.map(drop))]
        {
            assert_eq!(answer.map_err(|status| status.code()), Err(Code::PermissionDenied), "{call} by {name}");
        }
    }
}

#[tokio::test]
async fn a_payment_is_visible_to_its_user_alone() {
    let fixture = fixture().await;
    let order = fixture.order();
    fixture.pay(&order).await.unwrap();
    let request = GetPaymentRequest { order_uuid: order.order_uuid };
    let stranger = fixture.iam.session(ids::random());
    let mut anonymous = fixture.anonymous().await;

    let own = anonymous.get_payment(with_session(&fixture.session, request.clone())).await.unwrap().into_inner();
    let others = anonymous.get_payment(with_session(&stranger, request)).await.unwrap_err();

    assert_eq!(own.payment.unwrap().user_uuid, fixture.user.to_string());
    assert_eq!(others.code(), Code::NotFound);
}

#[tokio::test]
async fn health_and_reflection_need_no_session() {
    let fixture = fixture().await;
    let channel = Channel::from_shared(format!("http://{}", fixture.address)).unwrap().connect_lazy();

    for service in ["", "payment.v1.PaymentService"] {
        eventually(|| async {
            let request = HealthCheckRequest { service: service.to_owned() };
            let answer = HealthClient::new(channel.clone()).check(request).await.unwrap().into_inner();
            (answer.status() == ServingStatus::Serving).then_some(())
        })
        .await;
    }
    let list = MessageRequest::ListServices(String::new());
    let request = ServerReflectionRequest { host: String::new(), message_request: Some(list) };
    let request = futures::stream::once(std::future::ready(request));
    let answer = ServerReflectionClient::new(channel).server_reflection_info(request).await.unwrap();
    let answer = answer.into_inner().message().await.unwrap().unwrap();
    let Some(MessageResponse::ListServicesResponse(services)) = answer.message_response else { panic!("no services") };
    assert!(services.service.iter().any(|service| service.name == "payment.v1.PaymentService"));
}
