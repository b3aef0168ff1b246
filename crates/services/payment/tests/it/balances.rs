//! Tests of `balances.initial`, which the audit uses.

use contracts::ids::UserId;
use payment::{
    client::{Ledger, Provider as _},
    model::Method,
    repository::MIGRATIONS,
};
use platform::postgres::Database;

use crate::{INITIAL_BALANCE, again, declines, intent, money};

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
