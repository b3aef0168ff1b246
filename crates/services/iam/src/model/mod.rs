//! Users, passwords and sessions. No I/O and no clock.

mod operators;
mod password;
mod session;
mod user;

pub use operators::Operators;
pub use password::Password;
pub use session::{LoginAttempt, Session, SessionId};
pub use user::{Account, NotificationMethod, User, UserInfo};

/// An invalid field of a request.
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

/// Checks a line of text: not empty, at most `limit` bytes, no control characters, no leading or trailing space.
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
