//! Tests of refunds of cancelled orders.

use contracts::proto::payment::v1::{PayOrderRequest, PaymentMethod, PaymentStatus};
use platform::grpc::reason;
use testkit::eventually;
use tonic::Code;

use super::fixture;

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
