//! PostgreSQL's error after `lock_timeout`.

use std::borrow::Cow;

use sqlx::error::{DatabaseError, ErrorKind};

#[derive(Debug, thiserror::Error)]
#[error("")]
pub struct Locked;

impl DatabaseError for Locked {
    fn message(&self) -> &'static str {
        ""
    }

    fn code(&self) -> Option<Cow<'_, str>> {
        Some("55P03".into())
    }

    fn as_error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn std::error::Error + Send + Sync + 'static> {
        self
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}
