//! A single statement that claims, changes and stores.

use idempotency::{Key, OnceError, Pieces, Response, fingerprint};
use sqlx::{AssertSqlSafe, PgPool};

use crate::store::{Fixture, KEY};

/// Debits the account 1, as in the documentation of [`Pieces`]. Returns the new balance, or `None` if there is too
/// little money.
async fn debit(fixture: &Fixture, key: &Key<'_>, cents: i64) -> Result<Response<Option<i64>>, OnceError<()>> {
    let pieces = fixture.keys.pieces();
    let statement = format!(
        "with {known},
        debited as (
            update accounts set cents = cents - $5
            where id = $4 and cents >= $5 and {is_new}
            returning cents
        ),
        outcome as (
            select coalesce((select cents::text from debited), 'null') as response where {is_new}
        ),
        {stored}
        {result}",
        known = pieces.known,
        is_new = pieces.is_new,
        stored = pieces.stored,
        result = pieces.result,
    );
    key.check()?;
    let request = fingerprint(&("debit", cents)).map_err(OnceError::<()>::Json)?;
    loop {
        let row = sqlx::query_as(AssertSqlSafe(statement.clone()))
            .bind(key.scope)
            .bind(key.key)
            .bind(request.as_slice())
            .bind(1_i64)
            .bind(cents)
            .fetch_one(&fixture.pool)
            .await;
        match row {
            Ok(row) => return Pieces::response(row),
            Err(error) if pieces.is_concurrent(&error) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

async fn account(pool: &PgPool, cents: i64) {
    sqlx::raw_sql("create table accounts (id bigint primary key, cents bigint not null)")
        .execute(pool)
        .await
        .expect("an account");
    sqlx::query("insert into accounts values (1, $1)").bind(cents).execute(pool).await.expect("an account");
}

async fn balance(pool: &PgPool) -> i64 {
    sqlx::query_scalar("select cents from accounts").fetch_one(pool).await.expect("a balance")
}

#[tokio::test]
async fn a_single_statement_claims_changes_and_stores() {
    let fixture = Fixture::new().await;
    account(&fixture.pool, 100).await;

    let first = debit(&fixture, &KEY, 70).await.unwrap();
    let repeat = debit(&fixture, &KEY, 70).await.unwrap();
    let reused = debit(&fixture, &KEY, 10).await;
    let overdrawn = debit(&fixture, &Key { key: "second", ..KEY }, 70).await.unwrap();
    let refused_again = debit(&fixture, &Key { key: "second", ..KEY }, 70).await.unwrap();

    assert_eq!(first, Response { value: Some(30), is_repeat: false });
    assert_eq!(repeat, Response { value: Some(30), is_repeat: true });
    assert!(matches!(reused, Err(OnceError::Reused)), "{reused:?}");
    assert_eq!(overdrawn, Response { value: None, is_repeat: false });
    assert_eq!(refused_again, Response { value: None, is_repeat: true });
    assert_eq!(balance(&fixture.pool).await, 30);
}

#[tokio::test]
async fn a_single_statement_that_is_repeated_at_once_changes_once() {
    let fixture = Fixture::new().await;
    account(&fixture.pool, 100).await;

    for round in 0..25 {
        let key = round.to_string();
        let key = Key { key: &key, ..KEY };
        // Enough money for both, then for the first alone: the second is neither debited nor refused.
        let (one, other) = tokio::join!(debit(&fixture, &key, 4), debit(&fixture, &key, 4));
        let (one, other) = (one.unwrap(), other.unwrap());

        assert_eq!((one.value, other.value), (Some(96 - 4 * round), Some(96 - 4 * round)));
        assert_ne!(one.is_repeat, other.is_repeat);
    }
    assert_eq!(balance(&fixture.pool).await, 0);
}
