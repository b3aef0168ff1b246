//! Users, their passwords and their sessions.

mod password;
mod session;
mod user;

pub use password::Password;
pub use session::{Attempt, Session, SessionId};
pub use user::{Account, NotificationMethod, User, UserInfo};

/// A value that cannot be accepted, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct Invalid {
    pub field: String,
    pub problem: &'static str,
}

impl Invalid {
    pub fn new(field: impl Into<String>, problem: &'static str) -> Self {
        Self { field: field.into(), problem }
    }
}

/// A line of text: not empty, of at most `limit` bytes, without control characters and without space around it.
fn line(field: &str, text: &str, limit: usize) -> Result<(), Invalid> {
    let problem = if text.trim().is_empty() {
        "is empty"
    } else if text.len() > limit {
        "is too long"
    } else if text.chars().any(char::is_control) {
        "contains control characters"
    } else if text.trim() != text {
        "begins or ends with a space"
    } else {
        return Ok(());
    };
    Err(Invalid::new(field, problem))
}
