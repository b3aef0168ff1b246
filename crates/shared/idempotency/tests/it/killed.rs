//! A process that is killed between the work and the commit.

use std::future::pending;

use idempotency::Response;
use sqlx::{PgConnection, PgPool};
use testkit::{OwnProcess, eventually};

use crate::store::{Fixture, KEY, change};

/// The variable with which the test starts the process.
const URL: &str = "IDEMPOTENCY_TEST_URL";

#[tokio::test]
#[ignore = "a process that `a_process_killed_between_work_and_commit_leaves_nothing` starts"]
async fn process() {
    let pool = PgPool::connect(&std::env::var(URL).expect("the test sets it")).await.unwrap();
    let work = async |connection: &mut PgConnection| {
        change(connection, "killed").await?;
        // Tells the test that the change is made.
        sqlx::query("select pg_advisory_xact_lock(1)").execute(connection).await?;
        pending::<sqlx::Result<i32>>().await
    };
    let _ = idempotency::once(&pool, &KEY, "pay", work).await;
}

#[tokio::test]
async fn a_process_killed_between_work_and_commit_leaves_nothing() {
    let fixture = Fixture::new().await;
    let process = OwnProcess::start("killed::process", [(URL, fixture.url.as_str())]);
    eventually(|| async {
        let changed = "select exists (select from pg_locks join pg_database on pg_database.oid = pg_locks.database
            where locktype = 'advisory' and datname = current_database())";
        let changed: bool = sqlx::query_scalar(changed).fetch_one(&fixture.pool).await.unwrap();
        changed.then_some(())
    })
    .await;

    drop(process);
    let work = async |connection: &mut PgConnection| {
        change(connection, "repeated").await?;
        Ok::<_, sqlx::Error>(2)
    };
    let repeat = fixture.keys.once(&fixture.pool, &KEY, "pay", work).await.unwrap();

    assert_eq!(repeat, Response { value: 2, is_repeat: false });
    assert_eq!(fixture.changes().await, ["repeated"]);
}
