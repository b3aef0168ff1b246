//! Tests of `Credit`, and of `balances.initial`, which the audit uses.

use contracts::{ids::UserId, proto::payment::v1::CreditRequest};
use payment::{
    client::{Ledger, Provider as _},
    model::Method,
    repository::MIGRATIONS,
};
use platform::{grpc::reason, ids, postgres::Database};
use tonic::{Code, Status};

use super::{Fixture, fixture};
use crate::{INITIAL_BALANCE, again, declines, intent, money};

fn credit(user: &str, reference: &str, amount_minor: i64) -> CreditRequest {
    CreditRequest { user_uuid: user.to_owned(), reference: reference.to_owned(), amount_minor }
}

async fn send(fixture: &Fixture, request: CreditRequest) -> Result<(), Status> {
    fixture.service_named("customers").credit(request).await.map(drop)
}

#[tokio::test]
async fn concurrent_credits_of_one_reference_are_one() {
    let fixture = fixture().await;
    let user = fixture.user.to_string();

    let sent = (0..20).map(|number| send(&fixture, credit(&user, &format!("loan-{}", number % 4), 100)));
    for sent in futures::future::join_all(sent).await {
        sent.unwrap();
    }

    assert_eq!(fixture.balance(&user).await.unwrap(), 100_400);
}

#[tokio::test]
async fn a_reference_stands_for_one_user_and_one_amount() {
    let fixture = fixture().await;
    let user = fixture.user.to_string();
    send(&fixture, credit(&user, "loan-1", 100)).await.unwrap();

    let other_user = send(&fixture, credit(&ids::random().to_string(), "loan-1", 100)).await.unwrap_err();
    let other_amount = send(&fixture, credit(&user, "loan-1", 101)).await.unwrap_err();

    for (status, field) in [(other_user, "user_uuid"), (other_amount, "amount_minor")] {
        assert_eq!(status.code(), Code::AlreadyExists);
        assert!(status.message().starts_with(field), "{}", status.message());
    }
    assert_eq!(fixture.balance(&user).await.unwrap(), 100_100);
}

#[tokio::test]
async fn a_credit_that_exceeds_the_maximum_balance_is_refused() {
    let fixture = fixture().await;

    let large = credit(&fixture.user.to_string(), "large", contracts::money::MAX - 100_000 + 1);
    let refused = send(&fixture, large).await.unwrap_err();

    assert_eq!((refused.code(), reason(&refused)), (Code::FailedPrecondition, Some("BALANCE_TOO_LARGE")));
}

#[tokio::test]
async fn a_wrong_field_of_a_credit_is_named() {
    let fixture = fixture().await;
    let user = fixture.user.to_string();

    for (wrong, field) in [
        (credit("me", "loan-1", 100), "user_uuid"),
        (credit(&user, "", 100), "reference"),
        (credit(&user, &"x".repeat(65), 100), "reference"),
        (credit(&user, "loan-1", 0), "amount_minor"),
        (credit(&user, "loan-1", -1), "amount_minor"),
    ] {
        let refused = send(&fixture, wrong).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(refused.message().starts_with(field), "{}", refused.message());
    }
}

fn ledger(pool: &Database, initial: i64) -> Ledger {
    Ledger::new(pool.clone(), money(initial), declines())
}

async fn balance(pool: &Database, user: UserId) -> (i64, i64) {
    let row = sqlx::query_as("select initial, balance from balances where user_uuid = $1").bind(user.uuid());
    row.fetch_one(pool).await.unwrap()
}

#[tokio::test]
async fn a_balance_keeps_the_initial_amount_that_it_was_made_with() {
    let pool = testkit::database(&MIGRATIONS).await.pool;
    let first = intent(Method::InvestorMoney);
    ledger(&pool, INITIAL_BALANCE).charge(&first).await.unwrap();

    ledger(&pool, 2 * INITIAL_BALANCE).charge(&again(&first)).await.unwrap();
    let other = intent(Method::InvestorMoney);
    ledger(&pool, 2 * INITIAL_BALANCE).charge(&other).await.unwrap();

    assert_eq!(balance(&pool, first.user).await, (INITIAL_BALANCE, INITIAL_BALANCE - 2000));
    assert_eq!(balance(&pool, other.user).await, (2 * INITIAL_BALANCE, 2 * INITIAL_BALANCE - 1000));
}
