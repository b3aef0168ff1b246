//! Tests of the migrations of tables that several services share, together with a service's own migrations.

use platform::{
    inbox, lease, outbox,
    postgres::{Migrations, SharedTable},
};
use sqlx::{
    AssertSqlSafe, PgConnection, SqlSafeStr as _,
    migrate::{Migration, MigrationType, Migrator},
};

static SHARED: &[&SharedTable] = &[&inbox::TABLE, &lease::TABLE, &outbox::TABLE];
static SERVICE: Migrations = Migrations::new(sqlx::migrate!("../../../migrations/order"), SHARED);
/// A service that has only the shared tables.
static NEW: Migrations = Migrations::new(Migrator::DEFAULT, SHARED);

async fn connection() -> PgConnection {
    testkit::empty_database().await.pool.connect().await.expect("a connection")
}

async fn text(connection: &mut PgConnection, question: &str) -> Option<String> {
    sqlx::query_scalar(AssertSqlSafe(question.to_owned())).fetch_one(connection).await.expect("the question is right")
}

/// Returns every history, with the times at which migrations were applied.
async fn history(connection: &mut PgConnection) -> Vec<Option<String>> {
    let mut all = Vec::new();
    for table in ["_sqlx_migrations", "_sqlx_migrations_inbox", "_sqlx_migrations_leases", "_sqlx_migrations_outbox"] {
        all.push(text(connection, &format!("select jsonb_agg(m order by version)::text from {table} m")).await);
    }
    all
}

/// Returns all tables except the histories.
async fn tables(connection: &mut PgConnection) -> Option<String> {
    let question = "select string_agg(relname::text, ' ' order by relname) from pg_class
        where relkind = 'r' and relnamespace = 'public'::regnamespace and not starts_with(relname::text, '_sqlx_migrations')";
    text(connection, question).await
}

async fn fill(connection: &mut PgConnection) {
    let filled = "insert into leases values ('one', 'me', 7, now());
        insert into inbox values ('group', gen_random_uuid(), now());
        insert into outbox (event_uuid, event_type, key, payload, trace, published_at)
        select gen_random_uuid(), 'kind', gen_random_uuid(), 'payload', '{}', case when n % 2 = 0 then now() end
        from generate_series(1, 10) n";
    sqlx::raw_sql(filled).execute(connection).await.expect("the tables are there");
}

/// Reverts up to `most` migrations. Returns them.
async fn reverted(connection: &mut PgConnection, migrations: &Migrations, most: usize) -> Vec<String> {
    let mut names = Vec::new();
    while names.len() < most
        && let Some(step) = migrations.revert_latest(connection).await.expect("it can be reverted")
    {
        names.push(format!("{}{}", step.history.table.unwrap_or_default(), step.migration.version));
    }
    names
}

#[tokio::test]
async fn a_new_service_gets_the_tables_and_loses_them_again() {
    let mut connection = connection().await;

    NEW.run(&mut connection).await.unwrap();
    fill(&mut connection).await;
    let made = tables(&mut connection).await;
    let down = reverted(&mut connection, &NEW, usize::MAX).await;

    assert_eq!(made.as_deref(), Some("inbox leases outbox"));
    assert_eq!(down, ["outbox2", "outbox1", "leases1", "inbox1"]);
    assert_eq!(tables(&mut connection).await, None);
}

#[tokio::test]
async fn a_second_run_applies_nothing() {
    for migrations in [&SERVICE, &NEW] {
        let mut connection = connection().await;
        migrations.run(&mut connection).await.unwrap();
        let first = history(&mut connection).await;

        migrations.run(&mut connection).await.unwrap();

        assert_eq!(history(&mut connection).await, first);
        assert!(first[3].is_some(), "the outbox has a history of its own");
    }
}

#[tokio::test]
async fn what_was_applied_last_is_reverted_first() {
    static LEASES: &[&SharedTable] = &[&lease::TABLE];
    static LEASES_AND_OUTBOX: &[&SharedTable] = &[&lease::TABLE, &outbox::TABLE];
    let statement =
        |version, kind, sql: &'static str| Migration::new(version, "own".into(), kind, sql.into_sql_str(), false);
    let (up, down) = (MigrationType::ReversibleUp, MigrationType::ReversibleDown);
    let first = vec![statement(1, up, "create table one ()"), statement(1, down, "drop table one")];
    let second = vec![statement(2, up, "create table two ()"), statement(2, down, "drop table two")];
    let released = Migrations::new(Migrator::with_migrations(first.clone()), LEASES);
    let newer = Migrations::new(Migrator::with_migrations([first, second].concat()), LEASES_AND_OUTBOX);
    let mut connection = connection().await;
    released.run(&mut connection).await.unwrap();
    newer.run(&mut connection).await.unwrap();

    let down = reverted(&mut connection, &newer, usize::MAX).await;

    assert_eq!(down, ["outbox2", "outbox1", "2", "leases1", "1"]);
}
