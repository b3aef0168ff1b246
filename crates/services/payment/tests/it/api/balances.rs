//! Tests of `GetBalance`.

use contracts::proto::payment::v1::{PayOrderRequest, PaymentMethod};
use platform::ids;
use tonic::Code;

use super::fixture;

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
async fn the_balance_of_what_is_no_uuid_is_refused() {
    let fixture = fixture().await;

    for user in ["", "me", "1234", "00000000-0000-0000-0000-00000000000g"] {
        let refused = fixture.balance(user).await.unwrap_err();

        assert_eq!(refused.code(), Code::InvalidArgument, "{user}");
        assert!(refused.message().starts_with("user_uuid"), "{}", refused.message());
    }
}
