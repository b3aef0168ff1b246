//! Migrations at the start of several replicas.

use platform::postgres::migrate;
use sqlx::migrate::Migrator;
use tokio_util::sync::CancellationToken;

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/order");

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
async fn a_database_that_is_not_there_yet_is_waited_for() {
    let database = testkit::empty_database().await;
    let options = database.pool.connect_options();
    let proxy = faults::Proxy::to(format!("{}:{}", options.get_host(), options.get_port())).await.unwrap();
    proxy.cut();
    let url = (*options).clone().host("127.0.0.1").port(proxy.address().port());
    let pool = sqlx::postgres::PgPoolOptions::new().connect_lazy_with(url);
    let migration = tokio::spawn({
        let pool = pool.clone();
        async move { migrate(&pool, &MIGRATIONS, &CancellationToken::new()).await }
    });

    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    proxy.restore();

    migration.await.unwrap().unwrap();
    sqlx::query("select count(*) from outbox").execute(&pool).await.unwrap();
}
