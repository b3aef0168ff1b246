//! What the transaction adds: the changes of `work`.

use std::time::Duration;

use idempotency::{Key, MAX_RESPONSE_BYTES, OnceError, Response};
use sqlx::PgConnection;
use testkit::eventually;

use crate::store::{Fixture, KEY, change};

#[tokio::test]
async fn the_changes_are_made_once() {
    let fixture = Fixture::new().await;
    for _ in 0..2 {
        let work = async |connection: &mut PgConnection| change(connection, "paid").await;
        fixture.keys.once(&fixture.pool, &KEY, "pay", work).await.unwrap();
    }

    assert_eq!(fixture.changes().await, ["paid"]);
}

#[tokio::test]
async fn an_error_or_a_response_above_the_limit_undoes_the_changes() {
    let fixture = Fixture::new().await;
    let fails = async |connection: &mut PgConnection| {
        change(connection, "paid").await?;
        Err::<String, _>(sqlx::Error::RowNotFound)
    };
    let returns_too_much = async |connection: &mut PgConnection| {
        change(connection, "paid").await?;
        Ok::<_, sqlx::Error>("a".repeat(MAX_RESPONSE_BYTES))
    };

    let failed = fixture.keys.once(&fixture.pool, &KEY, "pay", fails).await;
    let refused = fixture.keys.once(&fixture.pool, &KEY, "pay", returns_too_much).await;

    assert!(matches!(failed, Err(OnceError::Work(_))), "{failed:?}");
    assert!(matches!(refused, Err(OnceError::TooLarge { .. })), "{refused:?}");
    let changes = fixture.changes().await;
    assert!(changes.is_empty(), "{changes:?}");
}

#[tokio::test]
async fn a_repeat_waits_for_the_commit_of_the_request_that_holds_the_key() {
    let fixture = Fixture::new().await;
    let waits_for_the_repeat = async |connection: &mut PgConnection| {
        change(connection, "paid").await?;
        eventually(|| async {
            let blocked = "select exists (select from pg_stat_activity
                where datname = current_database() and wait_event_type = 'Lock')";
            let blocked: bool = sqlx::query_scalar(blocked).fetch_one(&fixture.pool).await.unwrap();
            blocked.then_some(())
        })
        .await;
        Ok::<_, sqlx::Error>(1)
    };
    let first = fixture.keys.once(&fixture.pool, &KEY, "pay", waits_for_the_repeat);
    let repeat = async {
        eventually(|| async {
            // The row of the first request is not committed, but its transaction holds a lock on the table.
            let claimed = "select exists (select from pg_locks
                where database = (select oid from pg_database where datname = current_database())
                and relation = 'idempotency_keys'::regclass and mode = 'RowExclusiveLock' and granted)";
            let claimed: bool = sqlx::query_scalar(claimed).fetch_one(&fixture.pool).await.unwrap();
            claimed.then_some(())
        })
        .await;
        let work = async |_: &mut PgConnection| Ok::<_, sqlx::Error>(2);
        fixture.keys.once(&fixture.pool, &KEY, "pay", work).await
    };

    let (first, repeat) = tokio::join!(first, repeat);

    assert_eq!(first.unwrap(), Response { value: 1, is_repeat: false });
    assert_eq!(repeat.unwrap(), Response { value: 1, is_repeat: true });
    assert_eq!(fixture.changes().await, ["paid"]);
}

#[tokio::test]
async fn a_stored_response_of_another_type_is_an_error_and_stays() {
    let fixture = Fixture::new().await;
    let text = || async |_: &mut PgConnection| Ok::<_, sqlx::Error>("text".to_owned());
    let number = async |_: &mut PgConnection| Ok::<_, sqlx::Error>(1);
    fixture.keys.once(&fixture.pool, &KEY, "pay", text()).await.unwrap();

    let unread = fixture.keys.once(&fixture.pool, &KEY, "pay", number).await;
    let read = fixture.keys.once(&fixture.pool, &KEY, "pay", text()).await.unwrap();

    assert!(matches!(unread, Err(OnceError::Stored(_))), "{unread:?}");
    assert_eq!(read, Response { value: "text".to_owned(), is_repeat: true });
}

#[tokio::test]
async fn a_sweep_removes_all_old_rows_and_no_other() {
    let fixture = Fixture::new().await;
    let old = "insert into idempotency_keys (scope, key, request, response, created_at)
        select 'ann', 'old ' || n, '', '1', now() - interval '2 hours' from generate_series(1, 5001) n";
    sqlx::query(old).execute(&fixture.pool).await.unwrap();
    let work = async |_: &mut PgConnection| Ok::<_, sqlx::Error>(1);
    fixture.keys.once(&fixture.pool, &KEY, "pay", work).await.unwrap();

    let removed = idempotency::sweep(&fixture.pool, Duration::from_hours(1)).await.unwrap();

    assert_eq!(removed, 5_001);
    let left: Vec<String> =
        sqlx::query_scalar("select key from idempotency_keys").fetch_all(&fixture.pool).await.unwrap();
    assert_eq!(left, [KEY.key]);
}

/// A web framework's handlers and `tokio::spawn` require it.
#[tokio::test]
async fn the_future_can_be_sent_to_another_thread() {
    let fixture = Fixture::new().await;
    let pool = fixture.pool.clone();
    let request = async move {
        let user = "ann".to_owned();
        let key = Key { scope: &user, key: "spawned" };
        idempotency::once(&pool, &key, "pay", async |connection: &mut PgConnection| change(connection, &user).await)
            .await
    };

    let response = tokio::spawn(request).await.unwrap().unwrap();

    assert!(!response.is_repeat);
    assert_eq!(fixture.changes().await, ["ann"]);
}
