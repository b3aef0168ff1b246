//! A service's database while the server runs.

use super::readiness::Condition;
use crate::postgres::{Database, Migrations};

/// The pool of a service's database, and the readiness condition for the database.
pub(super) struct OpenDatabase {
    pub pool: Database,
    pub connected: Condition,
    pub migrations: &'static Migrations,
}
