//! Tests of `PayOrder`: charges, declines, direct payments and invalid requests; and of `ListPayments`.

use contracts::proto::payment::v1::{
    ListPaymentsRequest, PayOrderRequest, PaymentMethod, PaymentStatus, RefundRequest,
};
use platform::{grpc::reason, ids, invalid::InvalidFields};
use testkit::{eventually, with_session};
use tonic::Code;
use uuid::Uuid;

use super::fixture;

#[tokio::test]
async fn the_shop_pays_its_orders_by_each_method() {
    let fixture = fixture().await;
    for method in [PaymentMethod::Card, PaymentMethod::Sbp, PaymentMethod::CreditCard, PaymentMethod::InvestorMoney] {
        let order = PayOrderRequest { payment_method: method.into(), ..fixture.order() };

        let transaction = fixture.pay(&order).await.unwrap();

        assert_eq!(transaction.parse::<Uuid>().unwrap().get_version_num(), 4);
        assert_eq!(fixture.pay(&order).await.unwrap(), transaction);
        assert_eq!(fixture.pay(&PayOrderRequest { attempt: 2, ..order.clone() }).await.unwrap(), transaction);
        let payment = fixture.payment(&order.order_uuid).await.unwrap();
        assert_eq!((payment.transaction_uuid.as_str(), payment.status()), (&*transaction, PaymentStatus::Succeeded));
        assert_eq!((payment.amount_minor, payment.attempt, payment.payment_method()), (12_345, 1, method));
    }
}

#[tokio::test]
async fn declines_have_reasons() {
    let fixture = fixture().await;
    let card = PayOrderRequest { amount_minor: 500_001, ..fixture.order() };
    let investor = PayOrderRequest {
        amount_minor: 100_001,
        payment_method: PaymentMethod::InvestorMoney.into(),
        ..fixture.order()
    };

    for (order, expected) in [(card, "PAYMENT_DECLINED"), (investor, "INSUFFICIENT_FUNDS")] {
        let status = fixture.pay(&order).await.unwrap_err();

        assert_eq!((status.code(), reason(&status)), (Code::FailedPrecondition, Some(expected)));
        let payment = fixture.payment(&order.order_uuid).await.unwrap();
        assert_eq!((payment.status(), payment.decline_reason.as_str()), (PaymentStatus::Declined, expected));
    }
}

#[tokio::test]
async fn an_invalid_field_is_named() {
    let fixture = fixture().await;
    let good = fixture.order();
    let bad = |field: &'static str, request: PayOrderRequest| (field, request);
    let cases = [
        bad("order_uuid", PayOrderRequest { order_uuid: "x".to_owned(), ..good.clone() }),
        bad("order_uuid", PayOrderRequest { order_uuid: String::new(), ..good.clone() }),
        bad("user_uuid", PayOrderRequest { user_uuid: "1234".to_owned(), ..good.clone() }),
        bad("payment_method", PayOrderRequest { payment_method: 0, ..good.clone() }),
        bad("payment_method", PayOrderRequest { payment_method: 99, ..good.clone() }),
        bad("payment_method", PayOrderRequest { payment_method: -1, ..good.clone() }),
        bad("amount_minor", PayOrderRequest { amount_minor: 0, ..good.clone() }),
        bad("amount_minor", PayOrderRequest { amount_minor: -1, ..good.clone() }),
        bad("amount_minor", PayOrderRequest { amount_minor: i64::MAX, ..good.clone() }),
        bad("attempt", PayOrderRequest { attempt: 0, ..good.clone() }),
    ];

    for (field, request) in cases {
        let status = fixture.pay(&request).await.unwrap_err();

        assert_eq!(status.code(), Code::InvalidArgument, "{field}");
        assert!(status.message().starts_with(field), "{}", status.message());
    }
    let order_uuid = "not a uuid".to_owned();
    let found = fixture.payment(&order_uuid).await.unwrap_err();
    let refunded = fixture.service().refund(RefundRequest { order_uuid }).await.unwrap_err();
    assert_eq!((found.code(), refunded.code()), (Code::InvalidArgument, Code::InvalidArgument));
    assert_eq!(fixture.payment(&good.order_uuid).await.unwrap_err().code(), Code::NotFound);
    fixture.pay(&PayOrderRequest { attempt: u32::MAX, ..good }).await.unwrap();
}

#[tokio::test]
async fn a_direct_payment_charges_nothing() {
    let fixture = fixture().await;
    let shops = fixture.order();
    let own = PayOrderRequest { amount_minor: 0, attempt: 0, ..shops.clone() };

    let transaction = fixture.pay_as_user(&own).await.unwrap();

    assert_eq!(transaction.parse::<Uuid>().unwrap().get_version_num(), 4);
    assert_eq!(fixture.pay_as_user(&own).await.unwrap(), transaction);
    assert_eq!(fixture.payment(&own.order_uuid).await.unwrap_err().code(), Code::NotFound);
    assert_ne!(fixture.pay(&shops).await.unwrap(), transaction);
    let rows = sqlx::query_scalar!(r#"select count(*) as "count!" from ledger_entries"#);
    assert_eq!(rows.fetch_one(&fixture.database.pool).await.unwrap(), 1, "the charge of the shop's order alone");
}

#[tokio::test]
async fn a_user_pays_neither_for_others_nor_an_order_of_the_shop() {
    let fixture = fixture().await;
    let own = PayOrderRequest { amount_minor: 0, attempt: 0, ..fixture.order() };
    let cases = [
        (Code::NotFound, PayOrderRequest { user_uuid: ids::random().to_string(), ..own.clone() }, "user_uuid"),
        (Code::PermissionDenied, PayOrderRequest { amount_minor: 100, ..own.clone() }, "amount_minor"),
        (Code::PermissionDenied, PayOrderRequest { amount_minor: -5, ..own.clone() }, "amount_minor"),
        (Code::PermissionDenied, PayOrderRequest { attempt: 1, ..own.clone() }, "attempt"),
        (Code::InvalidArgument, PayOrderRequest { payment_method: 0, ..own.clone() }, "payment_method"),
        (Code::InvalidArgument, PayOrderRequest { user_uuid: "me".to_owned(), ..own }, "user_uuid"),
    ];

    for (code, request, field) in cases {
        let status = fixture.pay_as_user(&request).await.unwrap_err();

        assert_eq!(status.code(), code, "{request:?}");
        assert!(status.message().starts_with(field), "{}", status.message());
    }
}

#[tokio::test]
async fn a_statement_has_the_charges_declines_and_refunds_of_its_user_alone_newest_first() {
    let fixture = fixture().await;
    let (refunded, charged) = (fixture.order(), fixture.order());
    let declined = PayOrderRequest { amount_minor: 500_001, ..fixture.order() };
    fixture.pay(&refunded).await.unwrap();
    fixture.pay(&declined).await.unwrap_err();
    fixture.pay(&charged).await.unwrap();
    fixture.pay(&PayOrderRequest { user_uuid: ids::random().to_string(), ..fixture.order() }).await.unwrap();
    fixture.cancel(&refunded.order_uuid).await;
    let status = async || fixture.payment(&refunded.order_uuid).await.unwrap().status();
    eventually(async || (status().await == PaymentStatus::Refunded).then_some(())).await;
    let list = async |request: ListPaymentsRequest| {
        let request = with_session(&fixture.session, request);
        fixture.anonymous().await.list_payments(request).await.unwrap().into_inner()
    };

    let request = ListPaymentsRequest { user_uuid: fixture.user.to_string(), page_size: 2, page_token: String::new() };
    let first = list(request.clone()).await;
    let second = list(ListPaymentsRequest { page_token: first.next_page_token.clone(), ..request.clone() }).await;

    let listed: Vec<_> = [first.payments, second.payments].concat();
    let listed: Vec<_> = listed.iter().map(|payment| (payment.order_uuid.as_str(), payment.status())).collect();
    assert_eq!(
        listed,
        [
            (charged.order_uuid.as_str(), PaymentStatus::Succeeded),
            (&declined.order_uuid, PaymentStatus::Declined),
            (&refunded.order_uuid, PaymentStatus::Refunded),
        ]
    );
    assert_eq!(second.next_page_token, "");
    assert_eq!(list(ListPaymentsRequest { page_size: 0, ..request }).await.payments.len(), 3);
}

#[tokio::test]
async fn each_wrong_field_of_a_request_for_a_statement_is_named() {
    let fixture = fixture().await;
    let wrong = ListPaymentsRequest { user_uuid: "me".to_owned(), page_size: 101, page_token: "next".to_owned() };

    let invalid = fixture.service().list_payments(wrong).await.unwrap_err();

    let invalid = InvalidFields::in_status(&invalid);
    let fields: Vec<_> = invalid.as_slice().iter().map(|invalid| &*invalid.field).collect();
    assert_eq!(fields, ["user_uuid", "page_token"]);
}
