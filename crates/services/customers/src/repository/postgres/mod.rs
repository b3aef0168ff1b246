//! The repository in PostgreSQL.

mod customers;
mod loans;
mod row;

use platform::{
    lease, outbox,
    postgres::{Database, Migrations},
};

pub static MIGRATIONS: Migrations =
    Migrations::new(sqlx::migrate!("../../../migrations/customers"), &[&lease::TABLE, &outbox::TABLE]);

#[derive(Clone)]
pub struct PgRepository {
    pool: Database,
}

impl PgRepository {
    pub fn new(pool: Database) -> Self {
        Self { pool }
    }
}
