//! Tests of PostgreSQL clients over a network path that drops bytes without telling either end.

use std::time::Duration;

use futures::future::join_all;
use outbox::listen;
use platform::{
    postgres::{Database, is_unavailable, retry_stale, watch},
    server::readiness::Readiness,
};
use stand_ins::Proxy;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::proxied::{APPLICATION, proxied};

const POOL: u32 = 4;

struct Fixture {
    database: testkit::Database,
    proxy: Proxy,
    pool: Database,
}

impl Fixture {
    async fn new() -> Self {
        let database = testkit::empty_database().await;
        let (proxy, pool) = proxied(&database, POOL).await;
        let fixture = Self { database, proxy, pool };
        fixture.statements("select pg_sleep(0.1)").await;
        fixture
    }

    /// Executes as many statements at once as the pool has connections. Returns duration and outcomes.
    async fn statements(&self, statement: &'static str) -> (Duration, Vec<sqlx::Result<()>>) {
        let start = Instant::now();
        let all = (0..POOL).map(|_| async { sqlx::query(statement).execute(&self.pool).await.map(drop) });
        let outcomes = timeout(Duration::from_secs(30), join_all(all)).await.expect("the statements end by themselves");
        (start.elapsed(), outcomes)
    }

    /// Executes a repeatable statement, as often at once as the pool has connections.
    async fn repeatable(&self, statement: &'static str) -> Vec<sqlx::Result<()>> {
        let all =
            (0..POOL).map(|_| retry_stale(|| async { sqlx::query(statement).execute(&self.pool).await.map(drop) }));
        join_all(all).await
    }

    /// Executes a statement over an operator's own connection.
    async fn operator(&self, statement: String) {
        sqlx::query(sqlx::AssertSqlSafe(statement))
            .execute(&self.database.pool)
            .await
            .expect("an operator's statement");
    }

    /// Ends all connections of the pool at the server, as a restart does.
    async fn end_connections(&self) {
        let ended = format!(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = '{APPLICATION}'
            and datname = current_database()"
        );
        self.operator(ended).await;
    }
}

#[tokio::test]
async fn connections_that_the_server_ended_fail_no_statement_that_may_be_repeated() {
    let fixture = Fixture::new().await;

    for _ in 0..3 {
        fixture.end_connections().await;
        for _ in 0..POOL {
            let outcome = retry_stale(|| sqlx::query("select 1").execute(&fixture.pool)).await;
            assert!(outcome.is_ok(), "{outcome:?}");
        }
        let (_, outcomes) = fixture.statements("select pg_sleep(0.1)").await;
        assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    }
}

#[tokio::test]
async fn connections_made_while_the_server_was_read_only_are_replaced_once_it_is_writable() {
    let fixture = Fixture::new().await;
    fixture.operator("create table notes (text text)".into()).await;
    let database = fixture.pool.connect_options().get_database().expect("a database").to_owned();
    fixture.operator(format!(r#"alter database "{database}" set default_transaction_read_only = on"#)).await;
    fixture.end_connections().await;
    let write = "insert into notes select 'a' from pg_sleep(0.1)";

    let refused = fixture.repeatable(write).await;
    let read = fixture.repeatable("select pg_sleep(0.1)").await;
    // While the database is read-only, this setting also forbids changing it.
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!(
        r#"set default_transaction_read_only = off; alter database "{database}" reset default_transaction_read_only"#
    )))
    .execute(&fixture.database.pool)
    .await
    .expect("an operator's statement");
    let written = fixture.repeatable(write).await;

    assert!(refused.iter().all(|outcome| outcome.as_ref().is_err_and(is_unavailable)), "{refused:?}");
    assert!(read.iter().all(Result::is_ok), "{read:?}");
    assert!(written.iter().all(Result::is_ok), "{written:?}");
}

#[tokio::test]
async fn a_table_whose_types_changed_fails_no_statement_that_may_be_repeated() {
    let fixture = Fixture::new().await;
    fixture.operator("create table notes (text varchar(10))".into()).await;
    let read = "select notes.*, pg_sleep(0.1) from notes";
    let before = fixture.repeatable(read).await;

    fixture.operator("alter table notes add column more bigint".into()).await;
    let after = fixture.repeatable(read).await;

    assert!(before.iter().chain(&after).all(Result::is_ok), "{before:?} {after:?}");
}

#[tokio::test]
async fn statements_whose_bytes_are_dropped_fail_in_time_and_leave_the_pool_whole() {
    let fixture = Fixture::new().await;

    let (statements, ()) = tokio::join!(fixture.statements("select pg_sleep(0.5)"), async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        fixture.proxy.blackhole();
    });
    let next = fixture.statements("select 1").await;

    let (took, outcomes) = statements;
    assert!(took < Duration::from_secs(7), "{took:?}");
    assert!(outcomes.iter().all(|outcome| outcome.as_ref().is_err_and(is_unavailable)), "{outcomes:?}");
    let (took, outcomes) = next;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[tokio::test]
async fn a_caller_that_leaves_in_the_middle_of_a_statement_takes_no_connection_with_it() {
    let fixture = Fixture::new().await;
    fixture.proxy.blackhole();

    let left = timeout(Duration::from_millis(300), fixture.statements("select 1")).await;
    let (took, outcomes) = fixture.statements("select 1").await;

    assert!(left.is_err());
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[tokio::test]
async fn a_watched_pool_gives_up_lost_connections_before_a_statement_meets_them() {
    let fixture = Fixture::new().await;
    let (stop, readiness) = (CancellationToken::new(), Readiness::default());
    let watch = tokio::spawn(watch(fixture.pool.clone(), readiness.condition("database"), stop.clone()));
    readiness.ready().await;

    let (statements, next) = tokio::join!(fixture.statements("select pg_sleep(0.5)"), async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        fixture.proxy.blackhole();
        // The loss is noticed after up to one second until the next ping, and two seconds without a response.
        tokio::time::sleep(Duration::from_millis(3_500)).await;
        fixture.statements("select 1").await
    });

    let (took, outcomes) = statements;
    assert!(took < Duration::from_millis(3_700), "{took:?}");
    assert!(outcomes.iter().all(|outcome| outcome.as_ref().is_err_and(is_unavailable)), "{outcomes:?}");
    let (took, outcomes) = next;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert!(took < Duration::from_secs(3), "{took:?}");
    stop.cancel();
    watch.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_listener_whose_path_was_lost_listens_again() {
    let fixture = Fixture::new().await;
    let listener = listen((*fixture.pool.connect_options()).clone(), "news");
    let hears = || async {
        sqlx::query("select pg_notify('news', '')").execute(&fixture.database.pool).await.unwrap();
        timeout(Duration::from_millis(300), listener.notified()).await.is_ok()
    };
    testkit::eventually(|| async { hears().await.then_some(()) }).await;

    fixture.proxy.blackhole();
    assert!(!hears().await, "the notification is lost");
    let start = Instant::now();
    while !hears().await {}

    // Five seconds pass until the connection is checked, and two until the check times out.
    assert!(start.elapsed() < Duration::from_secs(9), "{:?}", start.elapsed());
}
