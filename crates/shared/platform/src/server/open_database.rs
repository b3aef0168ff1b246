//! A service's database while the server runs.

use sqlx::migrate::Migrator;

use super::readiness::Condition;
use crate::postgres::Database;

pub(super) struct OpenDatabase {
    pub pool: Database,
    pub connected: Condition,
    pub migrations: &'static Migrator,
}
