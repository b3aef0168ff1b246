//! Empties the shop's tables, so that a ratio does not depend on those measured before.

use operations::registry::with_database;
use sqlx::AssertSqlSafe;

use super::{Servers, parts};

/// The tables that have rows before the first order, besides the histories of migrations.
const KEPT: [&str; 3] = ["leases", "parts", "couriers"];

/// Empties all tables except `KEPT`, the histories of migrations and those of iam, which keep customers and sessions.
/// The shop must not run.
pub async fn empty(servers: &Servers) -> anyhow::Result<()> {
    for service in with_database().filter(|service| **service != iam::SERVICE) {
        let database = servers.database(service)?;
        let tables = r"select quote_ident(tablename) from pg_tables
            where schemaname = 'public' and tablename <> all($1) and tablename not like '\_sqlx\_migrations%'";
        let tables: Vec<String> =
            sqlx::query_scalar(tables).bind(KEPT.map(str::to_owned).to_vec()).fetch_all(&database).await?;
        if !tables.is_empty() {
            // An autovacuum gives way after `deadlock_timeout`, which is longer than the pool's `lock_timeout`.
            let truncate = format!("set lock_timeout = '1min'; truncate {}", tables.join(", "));
            sqlx::raw_sql(AssertSqlSafe(truncate)).execute(&database).await?;
        }
        database.close().await;
    }
    parts::stock(servers.database(&inventory::SERVICE)?).await?;
    Ok(())
}
