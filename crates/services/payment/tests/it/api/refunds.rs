//! Tests of `RefundPartially` and of refunds of cancelled orders.

use contracts::proto::payment::v1::{
    PayOrderRequest, PaymentMethod, PaymentStatus, RefundPartiallyRequest, RefundPartiallyResponse, RefundReason,
};
use platform::{grpc::reason, ids, invalid::InvalidFields};
use testkit::{eventually, with_session};
use tonic::{Code, Status};

use super::{Fixture, fixture};

/// The price of the order, in minor units.
const PRICE: i64 = 12_345;

fn part(order: &str, reference: &str, amount_minor: i64) -> RefundPartiallyRequest {
    RefundPartiallyRequest {
        order_uuid: order.to_owned(),
        reference: reference.to_owned(),
        amount_minor,
        reason: RefundReason::Return.into(),
    }
}

async fn send(
    fixture: &Fixture,
    session: &str,
    request: RefundPartiallyRequest,
) -> Result<RefundPartiallyResponse, Status> {
    Ok(fixture.anonymous().await.refund_partially(with_session(session, request)).await?.into_inner())
}

#[tokio::test]
async fn an_operator_gives_back_parts_of_a_charge_once_each() {
    let fixture = fixture().await;
    let operator = fixture.iam.operator_session(ids::random());
    let paid = PayOrderRequest { payment_method: PaymentMethod::InvestorMoney.into(), ..fixture.order() };
    let order = paid.order_uuid.clone();
    fixture.pay(&paid).await.unwrap();
    let own = send(&fixture, &fixture.session, part(&order, "one", 1)).await.unwrap_err();
    assert_eq!(own.code(), Code::PermissionDenied);

    for _ in 0..3 {
        let refunded = send(&fixture, &operator, part(&order, "one", 2_345)).await.unwrap();
        assert!(refunded.is_made);
        assert_eq!((refunded.partially_refunded_minor, refunded.left_minor), (2_345, 10_000));
    }
    let other = send(&fixture, &operator, part(&order, "one", 2_346)).await.unwrap_err();
    assert_eq!((other.code(), other.message().split(':').next()), (Code::AlreadyExists, Some("amount_minor")));
    let large = send(&fixture, &operator, part(&order, "two", 10_001)).await.unwrap_err();
    assert_eq!((large.code(), reason(&large)), (Code::FailedPrecondition, Some("REFUND_TOO_LARGE")));
    assert!(large.message().starts_with("amount_minor: must be at most 10000"), "{large}");

    assert_eq!(fixture.balance(&paid.user_uuid).await.unwrap(), 100_000 - 10_000);
    let payment = fixture.payment(&order).await.unwrap();
    assert_eq!((payment.status(), payment.partially_refunded_minor), (PaymentStatus::Succeeded, 2_345));
    // The order is cancelled: the rest is refunded.
    fixture.cancel(&order).await;
    eventually(|| async {
        let payment = fixture.payment(&order).await.unwrap();
        (payment.status() == PaymentStatus::Refunded).then_some(())
    })
    .await;
    assert_eq!(fixture.balance(&paid.user_uuid).await.unwrap(), 100_000);
    let late = send(&fixture, &operator, part(&order, "two", 1)).await.unwrap_err();
    assert_eq!((late.code(), reason(&late)), (Code::FailedPrecondition, Some("ORDER_NOT_CHARGED")));
}

#[tokio::test]
async fn an_operator_refunds_no_order_of_their_own() {
    let fixture = fixture().await;
    let paid = fixture.order();
    fixture.pay(&paid).await.unwrap();
    let own = fixture.iam.operator_session(paid.user_uuid.parse().unwrap());

    let refused = send(&fixture, &own, part(&paid.order_uuid, "one", 1)).await.unwrap_err();

    assert_eq!((refused.code(), reason(&refused)), (Code::FailedPrecondition, Some("SELF_DEALING")));
    assert_eq!(fixture.payment(&paid.order_uuid).await.unwrap().partially_refunded_minor, 0);
}

#[tokio::test]
async fn a_wrong_partial_refund_names_all_its_wrong_fields() {
    let fixture = fixture().await;
    let operator = fixture.iam.operator_session(ids::random());

    let wrong = RefundPartiallyRequest { order_uuid: "x".to_owned(), ..RefundPartiallyRequest::default() };
    let status = send(&fixture, &operator, wrong).await.unwrap_err();

    assert_eq!(status.code(), Code::InvalidArgument);
    let wrong = InvalidFields::in_status(&status);
    let fields: Vec<&str> = wrong.as_slice().iter().map(|field| &*field.field).collect();
    assert_eq!(fields, ["order_uuid", "reference", "amount_minor", "reason"], "{status:?}");
    let unknown = send(&fixture, &operator, part(&ids::random().to_string(), "one", PRICE)).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
}

#[tokio::test]
async fn a_cancelled_order_is_refunded_and_never_charged_again() {
    let fixture = fixture().await;
    let paid = PayOrderRequest { payment_method: PaymentMethod::InvestorMoney.into(), ..fixture.order() };
    let unpaid = fixture.order();
    fixture.pay(&paid).await.unwrap();

    for order in [&paid, &unpaid, &paid] {
        fixture.cancel(&order.order_uuid).await;
    }

    eventually(|| async {
        let payment = fixture.payment(&paid.order_uuid).await.unwrap();
        (payment.status() == PaymentStatus::Refunded).then_some(())
    })
    .await;
    let balance = sqlx::query_scalar!("select balance from balances where user_uuid = $1", fixture.user);
    assert_eq!(balance.fetch_one(&fixture.database.pool).await.unwrap(), 100_000);
    eventually(|| async {
        let status = fixture.pay(&PayOrderRequest { attempt: 2, ..unpaid.clone() }).await.err()?;
        (reason(&status) == Some("ORDER_CANCELLED")).then_some(())
    })
    .await;
    let status = fixture.pay(&PayOrderRequest { attempt: 2, ..paid }).await.unwrap_err();
    assert_eq!((status.code(), reason(&status)), (Code::FailedPrecondition, Some("ORDER_CANCELLED")));
}
