//! Tests of the inbox in PostgreSQL.

use std::time::Duration;

use outbox::inbox;
use uuid::Uuid;

use crate::fixture::{Fixture, tables};

const EVENT: Uuid = Uuid::from_u128(1);

#[tokio::test]
async fn an_event_is_fresh_once_to_each_group_and_again_after_a_rollback() {
    let Fixture { pool } = Fixture::new().await;
    let apply = async |group: &str, commits: bool| {
        let mut transaction = pool.begin().await.unwrap();
        let is_fresh = inbox::apply(&mut transaction, &tables(), group, EVENT).await.unwrap();
        if commits {
            transaction.commit().await.unwrap();
        } else {
            transaction.rollback().await.unwrap();
        }
        is_fresh
    };

    assert!(apply("one", false).await);
    assert!(apply("one", true).await);
    assert!(!apply("one", true).await);
    assert!(apply("other", true).await);
}

#[tokio::test]
async fn a_concurrent_delivery_waits_for_the_first_one() {
    let Fixture { pool } = Fixture::new().await;
    let mut first = pool.begin().await.unwrap();
    assert!(inbox::apply(&mut first, &tables(), "one", EVENT).await.unwrap());
    let mut second = pool.acquire().await.unwrap();
    let (tables, other) = (tables(), pool.clone());

    let waiting = tokio::spawn(async move { inbox::apply(&mut second, &tables, "one", EVENT).await });
    testkit::eventually(|| async {
        let blocked = "select exists (select from pg_locks where not granted and locktype = 'transactionid')";
        let blocked: bool = sqlx::query_scalar(blocked).fetch_one(&other).await.unwrap();
        blocked.then_some(())
    })
    .await;
    first.commit().await.unwrap();

    assert!(!waiting.await.unwrap().unwrap());
}

#[tokio::test]
async fn old_rows_are_deleted() {
    let Fixture { pool } = Fixture::new().await;
    inbox::apply(&mut pool.acquire().await.unwrap(), &tables(), "one", EVENT).await.unwrap();

    assert_eq!(inbox::sweep(&pool, &tables(), Duration::from_hours(1)).await.unwrap(), 0);
    assert_eq!(inbox::sweep(&pool, &tables(), Duration::ZERO).await.unwrap(), 1);
}
