//! Tests of migrations when several replicas start.

use platform::postgres::{Database, explain, migrate, migrations};
use sqlx::{
    ConnectOptions as _, SqlSafeStr as _,
    migrate::{Migration, MigrationType, Migrator},
};
use tokio_util::sync::CancellationToken;

use crate::proxied::proxied;

static MIGRATIONS: Migrator = sqlx::migrate!("../../../migrations/order");

#[tokio::test]
async fn replicas_that_start_together_migrate_once() {
    let database = testkit::empty_database().await;
    let stop = CancellationToken::new();

    let replicas = tokio::join!(
        migrate(&database.pool, &MIGRATIONS, &stop),
        migrate(&database.pool, &MIGRATIONS, &stop),
        migrate(&database.pool, &MIGRATIONS, &stop),
    );

    replicas.0.unwrap();
    replicas.1.unwrap();
    replicas.2.unwrap();
    let applied: i64 = sqlx::query_scalar("select count(*) from _sqlx_migrations where success")
        .fetch_one(&database.pool)
        .await
        .unwrap();
    let known = MIGRATIONS.iter().filter(|migration| migration.migration_type.is_up_migration()).count();
    assert_eq!(applied, i64::try_from(known).unwrap());
}

#[tokio::test]
async fn a_changed_and_a_half_applied_migration_fail_and_a_missing_one_is_applied() {
    let database = testkit::database(&MIGRATIONS).await;
    let stop = CancellationToken::new();
    let last = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap();
    let cases = [
        ("checksum = '\\x00'", format!("migration {last} was previously applied but has been modified")),
        ("success = false", format!("migration {last} is partially applied")),
    ];

    for (change, expected) in cases {
        execute(&database, format!("update _sqlx_migrations set {change} where version = {last}")).await;

        let outcome = migrate(&database.pool, &MIGRATIONS, &stop).await;

        let refusal = format!("{:#}", outcome.unwrap_err());
        assert!(refusal.contains(&expected), "{refusal}");
        execute(&database, format!("delete from _sqlx_migrations where version = {last}")).await;
        migrate(&database.pool, &MIGRATIONS, &stop).await.unwrap();
    }
}

fn lazy(options: &sqlx::postgres::PgConnectOptions) -> Database {
    let url = options.to_url_lossy().to_string().into();
    Database::lazy("test", "TEST_DATABASE_URL", &url, 2).expect("the options make a URL")
}

/// Creates a role that may log in with `password` and owns nothing. Returns its name and the options to connect as the
/// role.
async fn with_role(database: &testkit::Database, password: &str) -> (String, sqlx::postgres::PgConnectOptions) {
    let role = format!("role_{}", platform::ids::random().simple());
    execute(database, format!("create role {role} login password '{password}'")).await;
    let options = (*database.pool.connect_options()).clone().username(&role).password(password);
    (role, options)
}

async fn execute(database: &testkit::Database, statement: String) {
    sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&database.pool).await.expect("a superuser may");
}

#[tokio::test]
async fn a_server_that_refuses_the_role_is_waited_for() {
    let database = testkit::empty_database().await;
    let (role, options) = with_role(&database, "old").await;
    let pool = lazy(&options.password("new"));
    let migration = tokio::spawn(async move { migrate(&pool, &MIGRATIONS, &CancellationToken::new()).await });

    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    execute(&database, format!("alter role {role} password 'new'")).await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    execute(&database, format!("grant all on schema public to {role}")).await;

    migration.await.unwrap().unwrap();
    execute(&database, format!("drop owned by {role} cascade")).await;
    execute(&database, format!("drop role {role}")).await;
}

#[tokio::test]
async fn a_role_that_does_not_own_its_database_waits_for_the_owner_to_migrate_it() {
    let database = testkit::empty_database().await;
    let (role, options) = with_role(&database, "own").await;
    let reads = format!("alter default privileges in schema public grant select on tables to {role}");
    execute(&database, reads).await;
    let pool = lazy(&options);
    let mut waits = tokio::spawn(async move { migrate(&pool, &MIGRATIONS, &CancellationToken::new()).await });

    let early = tokio::time::timeout(std::time::Duration::from_millis(500), &mut waits).await;
    assert!(early.is_err(), "it did not wait: {early:?}");
    migrate(&database.pool, &MIGRATIONS, &CancellationToken::new()).await.unwrap();
    waits.await.unwrap().unwrap();
    execute(&database, format!("drop owned by {role} cascade")).await;
    execute(&database, format!("drop role {role}")).await;
}

#[tokio::test]
async fn a_migration_that_is_wrong_fails_at_once() {
    let database = testkit::empty_database().await;
    let migrator = Migrator::with_migrations(vec![up(1, "wrong", "creat table spelled_wrong ()")]);

    let outcome = migrate(&database.pool, &migrator, &CancellationToken::new()).await;

    assert!(format!("{:#}", outcome.unwrap_err()).contains("syntax error"));
}

#[tokio::test]
async fn a_migration_whose_connection_is_lost_begins_again() {
    let database = testkit::empty_database().await;
    let (proxy, pool) = proxied(&database, 2).await;
    let migrations = Migrator::with_migrations(vec![up(1, "slow", "create table slow as select pg_sleep(1)::text")]);
    let migration = tokio::spawn(async move { migrate(&pool, &migrations, &CancellationToken::new()).await });
    let begun = "select exists (select from pg_stat_activity where datname = current_database() and query like '%pg_sleep%' and pid <> pg_backend_pid())";
    testkit::eventually(|| async {
        sqlx::query_scalar::<_, bool>(begun).fetch_one(&database.pool).await.unwrap().then_some(())
    })
    .await;

    proxy.blackhole();

    // The first connection has the lock. It takes this long until its loss is noticed and the server has seen that its
    // client is gone.
    let outcome = tokio::time::timeout(std::time::Duration::from_secs(40), migration).await;
    outcome.expect("the migration ends").unwrap().unwrap();
}

/// Records a migration that this program does not know.
async fn record(database: &testkit::Database, version: i64, name: &str) {
    let recorded = format!(
        "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
        values ({version}, '{name}', true, '', 1)"
    );
    execute(database, recorded).await;
}

#[tokio::test]
async fn a_version_starts_on_a_database_that_a_newer_one_has_expanded() {
    let database = testkit::empty_database().await;
    let expansion = up(9000, "expand orders", "create table expansion ()");
    let newer = Migrator::with_migrations(MIGRATIONS.iter().cloned().chain([expansion]).collect());
    let stop = CancellationToken::new();
    migrate(&database.pool, &newer, &stop).await.unwrap();

    migrate(&database.pool, &MIGRATIONS, &stop).await.unwrap();
    migrate(&database.pool, &newer, &stop).await.unwrap();

    let mut connection = database.pool.connect().await.unwrap();
    let steps = migrations::steps(&newer, &mut connection).await.unwrap();
    assert!(steps.iter().all(|step| step.is_applied), "the older version has undone nothing");
}

#[tokio::test]
async fn a_version_refuses_a_database_that_a_newer_one_has_contracted() {
    let contracted = &[(9998, "contract addresses"), (9999, "newer")][..];
    for (unknown, said) in [
        (contracted, "newer version of this program (migration 9998, contract addresses)"),
        (&[(0, "of another branch")], "has migration 0, which this program does not know"),
    ] {
        let database = testkit::database(&MIGRATIONS).await;
        for (version, name) in unknown {
            record(&database, *version, name).await;
        }

        let outcome = migrate(&database.pool, &MIGRATIONS, &CancellationToken::new()).await;

        let refusal = format!("{:#}", outcome.unwrap_err());
        assert!(refusal.contains(said), "{unknown:?}: {refusal}");
    }
}

fn up(version: i64, name: &'static str, statement: &'static str) -> Migration {
    Migration::new(version, name.into(), MigrationType::Simple, statement.into_sql_str(), false)
}

#[tokio::test]
async fn a_database_from_before_the_first_release_is_refused_with_what_to_delete_and_left_alone() {
    let stop = CancellationToken::new();
    let old = vec![up(1, "messaging", "create table outbox ()"), up(2, "orders", "create table orders ()")];
    let database = testkit::empty_database().await;
    let (role, options) = with_role(&database, "own").await;
    execute(&database, format!("alter default privileges in schema public grant select on tables to {role}")).await;
    let mut connection = database.pool.connect().await.unwrap();
    Migrator::with_migrations(old).run(&mut connection).await.unwrap();
    let all =
        "select string_agg(relname, ' ' order by relname) from pg_class where relnamespace = 'public'::regnamespace";
    let tables = || async { sqlx::query_scalar::<_, String>(all).fetch_one(&database.pool).await.unwrap() };
    let before = tables().await;

    let start = migrate(&database.pool, &MIGRATIONS, &stop).await.unwrap_err();
    let unprivileged = migrate(&lazy(&options), &MIGRATIONS, &stop).await.unwrap_err();
    let up = explain(migrations::apply(&MIGRATIONS, &mut connection).await.unwrap_err());
    let status = explain(migrations::steps(&MIGRATIONS, &mut connection).await.err().unwrap());
    let down = explain(migrations::revert_latest(&MIGRATIONS, &mut connection).await.err().unwrap());

    for refusal in [start, unprivileged, up, status, down].map(|error| format!("{error:#}")) {
        for words in ["from before 0.1.0", "nothing was changed", ".shipyard", "docker compose down --volumes"] {
            assert!(refusal.contains(words), "{refusal}");
        }
    }
    assert_eq!(tables().await, before);
    execute(&database, format!("drop owned by {role} cascade")).await;
    execute(&database, format!("drop role {role}")).await;
}
