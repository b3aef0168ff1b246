//! Fills a service's tables with orders, to show the cost of statements on large tables.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use platform::server::service::Service;
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

/// The folder with the fill of each service, a file of its name.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/fill");
/// The SQL functions that all fills use.
const SHARED: &str = include_str!("shared.sql");

/// A range of order numbers, which begin with 1.
#[derive(Clone, Copy, Debug)]
pub struct Fill {
    /// The first added order: one more than the last in the tables.
    pub first: i64,
    pub last: i64,
    /// How many of the last orders are in progress.
    pub open: i64,
    /// The size of the catalogue: at least a thousand parts.
    pub parts: i64,
}

/// Adds the rows of these orders to the tables of `service`. The first thousand orders belong to `users`, if there are
/// any. Orders have the same ids in all databases. Leaves statistics and the visibility map as autovacuum would.
pub async fn fill(connection: &mut PgConnection, service: &Service, fill: Fill, users: &[Uuid]) -> anyhow::Result<()> {
    let path = file(service);
    let rows = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    for (name, value) in [("first", fill.first), ("last", fill.last), ("open", fill.open), ("parts", fill.parts)] {
        let set = sqlx::query("select set_config('bench.' || $1, $2::text, false)").bind(name).bind(value);
        set.execute(&mut *connection).await?;
    }
    let users: Vec<String> = users.iter().map(Uuid::to_string).collect();
    let set = sqlx::query("select set_config('bench.users', $1, false)").bind(format!("{{{}}}", users.join(",")));
    set.execute(&mut *connection).await?;
    // Adding a million orders takes minutes, and a table may have to wait for autovacuum.
    sqlx::raw_sql("set statement_timeout = 0; set lock_timeout = 0").execute(&mut *connection).await?;
    // All SQL text is part of this repository.
    let statements = AssertSqlSafe(format!("begin; {SHARED}; {rows}; commit"));
    sqlx::raw_sql(statements).execute(&mut *connection).await.with_context(|| format!("filling {service}"))?;
    sqlx::raw_sql("vacuum (analyze)")
        .execute(&mut *connection)
        .await
        .with_context(|| format!("vacuuming {service}"))?;
    Ok(())
}

/// Returns true if the folder has a fill for the service.
pub fn is_known(service: &Service) -> bool {
    file(service).exists()
}

fn file(service: &Service) -> PathBuf {
    Path::new(FOLDER).join(format!("{service}.sql"))
}
