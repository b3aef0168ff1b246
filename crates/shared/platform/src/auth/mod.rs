//! Authentication of callers: users by their session, services by their token.

mod guard;
mod sessions;
mod token;

pub use guard::{Access, Guard};
pub use sessions::{MemorySessions, SessionError, Sessions};
pub use token::{ServiceKey, TokenError};
use uuid::Uuid;

/// The gRPC metadata that carries a session.
pub const SESSION_METADATA: &str = "session-uuid";
/// The HTTP header that carries a session.
pub const SESSION_HEADER: &str = "x-session-uuid";

/// The authenticated caller of a request. The guard puts it into the request's extensions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    User(Uuid),
    /// A service of this system, by name.
    Service(String),
}

impl Caller {
    /// True for this user and for every service.
    pub fn may_see(&self, user: Uuid) -> bool {
        match self {
            Self::User(caller) => *caller == user,
            Self::Service(_) => true,
        }
    }
}

tokio::task_local! {
    static SESSION: String;
}

/// The session of the request at hand, to be forwarded with the calls made for it.
fn current_session() -> Option<String> {
    SESSION.try_with(Clone::clone).ok()
}

pub(crate) fn forward(headers: &mut http::HeaderMap) {
    if let Some(value) = current_session().and_then(|session| session.parse().ok()) {
        headers.insert(SESSION_METADATA, value);
    }
}
