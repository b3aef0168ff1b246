//! The repository in PostgreSQL.

mod customers;
mod loans;
mod row;

use platform::postgres::Database;
use sqlx::migrate::Migrator;

pub static MIGRATIONS: Migrator = sqlx::migrate!("../../../migrations/customers");

#[derive(Clone)]
pub struct PgRepository {
    pool: Database,
}

impl PgRepository {
    pub fn new(pool: Database) -> Self {
        Self { pool }
    }
}
