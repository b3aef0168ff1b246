//! Tests of `ListPayments`.

use contracts::proto::payment::v1::{ListPaymentsRequest, PayOrderRequest, PaymentStatus};
use platform::{ids, invalid::InvalidFields};
use testkit::{eventually, with_session};

use super::fixture;

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
