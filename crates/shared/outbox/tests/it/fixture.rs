//! A database with the crate's own tables, under names other than the default ones.

use outbox::Tables;
use sqlx::{AssertSqlSafe, PgPool, postgres::PgPoolOptions};

const MIGRATIONS: [&str; 3] = [
    include_str!("../../migrations/outbox.sql"),
    include_str!("../../migrations/inbox.sql"),
    include_str!("../../migrations/leases.sql"),
];

pub struct Fixture {
    pub pool: PgPool,
}

/// The tables in a schema of their own, which shows that every statement uses the given names.
pub fn tables() -> Tables {
    let table = |name: &str| format!("messaging.{name}");
    Tables { outbox: table("outbox"), leases: table("leases"), inbox: table("inbox") }
}

impl Fixture {
    pub async fn new() -> Self {
        let database = testkit::empty_database().await;
        let pool = PgPoolOptions::new().max_connections(5).connect(&database.url).await.expect("the database is there");
        for file in MIGRATIONS {
            let script = format!("create schema if not exists messaging; set local search_path to messaging; {file}");
            // A request of several statements is one transaction.
            sqlx::raw_sql(AssertSqlSafe(script)).execute(&pool).await.expect("the tables can be created");
        }
        Self { pool }
    }
}
