//! Tests of `balances.initial`, which the audit uses. A migration derives it for older rows.

use contracts::ids::UserId;
use payment::{
    client::{Ledger, Provider as _, Refund},
    model::{ChargeState, Intent, Method, Outcome},
    repository::MIGRATIONS,
};
use platform::{ids, postgres::Database};

use crate::{INITIAL, again, declines, intent, money};

/// The number of the migration before the one that adds the column `initial`.
const BEFORE: i64 = 6;

fn ledger(pool: &Database, initial: i64) -> Ledger {
    Ledger::new(pool.clone(), money(initial), declines())
}

/// Returns a user's initial and current balance.
async fn balance(pool: &Database, user: UserId) -> (Option<i64>, i64) {
    let row = sqlx::query_as("select initial, balance from balances where user_uuid = $1").bind(user.uuid());
    row.fetch_one(pool).await.unwrap()
}

#[tokio::test]
async fn a_balance_keeps_the_initial_amount_that_it_was_made_with() {
    let pool = testkit::database(&MIGRATIONS).await.pool;
    let first = intent(Method::InvestorMoney);
    ledger(&pool, INITIAL).charge(&first).await.unwrap();

    ledger(&pool, 2 * INITIAL).charge(&again(&first)).await.unwrap();
    let other = intent(Method::InvestorMoney);
    ledger(&pool, 2 * INITIAL).charge(&other).await.unwrap();

    assert_eq!(balance(&pool, first.user).await, (Some(INITIAL), INITIAL - 2000));
    assert_eq!(balance(&pool, other.user).await, (Some(2 * INITIAL), 2 * INITIAL - 1000));
}

#[tokio::test]
async fn the_migration_derives_the_initial_amount_from_the_ledger() {
    let pool = testkit::database(&MIGRATIONS).await.pool;
    let (charged, refunded, card) =
        (intent(Method::InvestorMoney), intent(Method::InvestorMoney), intent(Method::Card));
    let ledger = ledger(&pool, INITIAL);
    ledger.charge(&charged).await.unwrap();
    ledger.charge(&again(&charged)).await.unwrap();
    ledger.charge(&Intent { user: charged.user, ..card }).await.unwrap();
    let dear = Intent { amount: money(INITIAL), ..again(&charged) };
    assert!(matches!(ledger.charge(&dear).await.unwrap(), ChargeState::Settled(Outcome::Declined(_))));
    let ChargeState::Settled(Outcome::Charged { reference: charge }) = ledger.charge(&refunded).await.unwrap() else {
        panic!("declined")
    };
    let refund = Refund {
        transaction: refunded.transaction,
        key: ids::random().to_string(),
        charge,
        amount: refunded.amount,
        pending: None,
    };
    ledger.refund(&refund).await.unwrap();

    let mut connection = pool.connect().await.unwrap();
    MIGRATIONS.own.undo(&mut connection, BEFORE).await.unwrap();
    MIGRATIONS.run(&mut connection).await.unwrap();

    assert_eq!(balance(&pool, charged.user).await, (Some(INITIAL), INITIAL - 2000));
    assert_eq!(balance(&pool, refunded.user).await, (Some(INITIAL), INITIAL));
}

#[tokio::test]
async fn balances_of_the_previous_release_have_no_initial_amount() {
    let pool = testkit::database(&MIGRATIONS).await.pool;
    let first = intent(Method::InvestorMoney);

    // The previous release inserts rows without the column `initial`.
    let insert = sqlx::query("insert into balances (user_uuid, balance) values ($1, $2)").bind(first.user.uuid());
    insert.bind(INITIAL - 1000).execute(&pool).await.unwrap();
    ledger(&pool, INITIAL).charge(&again(&first)).await.unwrap();

    assert_eq!(balance(&pool, first.user).await, (None, INITIAL - 2000));
}
