//! A database with its tables.

use std::time::Duration;

use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

/// Opens the database `name` of the server at `url`. Creates it, and its tables, if necessary.
pub async fn open(url: &str, name: &str, schema: &[&'static str]) -> anyhow::Result<PgPool> {
    let options: PgConnectOptions = servers::postgres::ensure_database(url, name).await?.parse()?;
    // Each wait has a limit: for a connection of the pool, and for a statement, which may wait for locks.
    let options = options.options([("statement_timeout", "10s")]);
    let pool = PgPoolOptions::new().max_connections(10).acquire_timeout(Duration::from_secs(5));
    let pool = pool.connect_with(options).await?;

    // All tables or none: PostgreSQL rolls back `create table`, too. With the lock, this process waits if the server
    // still executes these statements for a killed one.
    let mut transaction = pool.begin().await?;
    sqlx::query("select pg_advisory_xact_lock(1)").execute(&mut *transaction).await?;
    let is_empty = "select not exists (select from pg_tables where schemaname = 'public')";
    if sqlx::query_scalar::<_, bool>(is_empty).fetch_one(&mut *transaction).await? {
        for statements in schema {
            sqlx::raw_sql(*statements).execute(&mut *transaction).await?;
        }
    }
    transaction.commit().await?;
    Ok(pool)
}
