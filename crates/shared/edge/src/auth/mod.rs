//! Authentication of callers: users by their session or access token, services by their token. Over TLS the certificate
//! identifies a service, and a service's token in the call must name the same service.

mod access;
mod author;
mod credential;
mod guard;
mod hmac;
mod operator_use;
mod sessions;

pub use access::{Access, AuthRefusal, NOT_OPERATOR, Rule};
pub use author::Author;
pub use credential::{Credential, MAX_TOKEN, ServiceKey, TokenError, TokenKind, bearer_token, user_credential};
pub use guard::Guard;
use http::{HeaderMap, HeaderValue, header};
pub use operator_use::{OpenCaller, role_used_on, role_used_on_name};
pub use sessions::{MemorySessions, SessionError, Sessions};
use uuid::Uuid;

use crate::security_events::{self, AccessRefusal, Event};

pub const SESSION_METADATA: &str = "session-uuid";
pub const SESSION_HEADER: &str = "x-session-uuid";

/// The authenticated caller, which the guard puts into a request's extensions. A request to a public method has a
/// caller only if a service proves its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    User(User),
    /// A service, by name.
    Service(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct User {
    pub uuid: Uuid,
    pub is_operator: bool,
}

impl User {
    /// Creates a user without a role.
    pub const fn plain(uuid: Uuid) -> Self {
        Self { uuid, is_operator: false }
    }

    pub const fn operator(uuid: Uuid) -> Self {
        Self { uuid, is_operator: true }
    }
}

impl Caller {
    /// Returns true for the user itself and for every service.
    pub fn may_see(&self, user: Uuid) -> bool {
        match self {
            Self::User(caller) => caller.uuid == user,
            Self::Service(_) => true,
        }
    }

    /// Returns true if [`may_see`](Self::may_see) is true, or if the caller is an operator. Records a refusal. Records
    /// at most once a minute that an operator uses the role for the object `of`, by the method with this path.
    pub fn may_inspect(&self, owner: Option<Uuid>, of: Uuid, path: &str) -> bool {
        self.may_as_operator(owner, |user| operator_use::record_read(user, path, Some(of)))
    }

    /// Like [`may_inspect`](Self::may_inspect), for a change of the object. Records each use of the role.
    pub fn may_change(&self, owner: Option<Uuid>, of: Uuid, path: &str) -> bool {
        self.may_as_operator(owner, |user| {
            security_events::record(Event::RoleUsed { user, path, of: Some(of), of_name: None });
        })
    }

    fn may_as_operator(&self, owner: Option<Uuid>, record: impl FnOnce(Uuid)) -> bool {
        match self {
            Self::User(user) if owner == Some(user.uuid) => true,
            Self::User(user) if user.is_operator => {
                record(user.uuid);
                true
            }
            Self::User(_) => owner.is_some_and(|owner| self.admits(owner)),
            Self::Service(_) => true,
        }
    }

    /// Like [`may_see`](Self::may_see), for the object that a request names. Records a refusal.
    pub fn admits(&self, owner: Uuid) -> bool {
        let may = self.may_see(owner);
        if let Self::User(User { uuid, .. }) = self
            && !may
        {
            security_events::record(Event::AccessRefused { user: Some(*uuid), reason: AccessRefusal::Object });
        }
        may
    }

    /// Returns true for operators and for every service.
    pub fn may_operate(&self) -> bool {
        match self {
            Self::User(caller) => caller.is_operator,
            Self::Service(_) => true,
        }
    }
}

tokio::task_local! {
    /// The credential of the user whose request is being handled.
    pub(crate) static CREDENTIAL: Credential;
}

/// Reads the credential of the current request, if there is one.
fn of_credential<T>(read: impl FnOnce(&Credential) -> Option<T>) -> Option<T> {
    CREDENTIAL.try_with(read).ok().flatten()
}

/// Adds the session of the current request to a call. An access token is not forwarded.
pub fn forward_session(headers: &mut HeaderMap) {
    let session = of_credential(|credential| match credential {
        Credential::Session(session) => HeaderValue::try_from(session).ok(),
        Credential::Token(_) => None,
    });
    if let Some(value) = session {
        headers.insert(SESSION_METADATA, value);
    }
}

pub(crate) fn forward_credential(headers: &mut HeaderMap) {
    forward_session(headers);
    let token = of_credential(|credential| match credential {
        Credential::Session(_) => None,
        Credential::Token(token) => HeaderValue::try_from(format!("Bearer {token}")).ok(),
    });
    if let Some(mut value) = token {
        value.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, value);
    }
}
