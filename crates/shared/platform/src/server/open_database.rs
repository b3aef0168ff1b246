//! A service's database while the server runs.

use super::readiness::Condition;
use crate::postgres::{Database, Migrations};

pub(super) struct OpenDatabase {
    pub pool: Database,
    pub connected: Condition,
    pub migrations: &'static Migrations,
}
