//! Tests of `GetBalance`.

use contracts::proto::payment::v1::{GetBalanceRequest, PayOrderRequest, PaymentMethod};
use platform::ids;
use tonic::Code;

use super::{fixture, with_session};

#[tokio::test]
async fn a_balance_is_what_investor_money_draws_on() {
    let fixture = fixture().await;
    let user = fixture.user.to_string();
    let investor = PayOrderRequest { payment_method: PaymentMethod::InvestorMoney.into(), ..fixture.order() };
    let dear = PayOrderRequest { amount_minor: 90_000, ..fixture.order() };
    let refused = PayOrderRequest { payment_method: PaymentMethod::InvestorMoney.into(), ..dear.clone() };

    assert_eq!(fixture.balance(&user).await.unwrap(), 100_000);
    fixture.pay(&dear).await.unwrap();
    assert_eq!(fixture.balance(&user).await.unwrap(), 100_000, "a card does not draw on it");
    fixture.pay(&investor).await.unwrap();
    fixture.pay(&PayOrderRequest { order_uuid: ids::random().to_string(), ..refused }).await.unwrap_err();

    assert_eq!(fixture.balance(&user).await.unwrap(), 100_000 - 12_345);
    assert_eq!(fixture.balance(&ids::random().to_string()).await.unwrap(), 100_000);
}

#[tokio::test]
async fn a_balance_is_visible_to_its_user_and_to_services() {
    let fixture = fixture().await;
    let request = GetBalanceRequest { user_uuid: fixture.user.to_string() };
    let stranger = fixture.iam.session(ids::random());
    let mut anonymous = fixture.anonymous().await;

    let own = anonymous.get_balance(with_session(&fixture.session, request.clone())).await.unwrap().into_inner();
    let others = anonymous.get_balance(with_session(&stranger, request.clone())).await.unwrap_err();
    let without_session = anonymous.get_balance(request.clone()).await.unwrap_err();
    let service = fixture.service().get_balance(request).await.unwrap().into_inner();

    assert_eq!((own.balance_minor, service.balance_minor), (100_000, 100_000));
    assert_eq!((others.code(), others.message()), (Code::NotFound, "user_uuid: user not found"));
    assert_eq!(without_session.code(), Code::Unauthenticated);
}

#[tokio::test]
async fn the_balance_of_what_is_no_uuid_is_refused() {
    let fixture = fixture().await;

    for user in ["", "me", "1234", "00000000-0000-0000-0000-00000000000g"] {
        let refused = fixture.balance(user).await.unwrap_err();

        assert_eq!(refused.code(), Code::InvalidArgument, "{user}");
        assert!(refused.message().starts_with("user_uuid"), "{}", refused.message());
    }
}
