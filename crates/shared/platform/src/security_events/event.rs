//! The security events and their fields.

use std::net::{IpAddr, Ipv4Addr};

use uuid::Uuid;

use super::{AccessRefusal, ContactRefusal, Revocation, TokenRefusal};

/// The maximum length in bytes of a path or a name in an event.
const MAX_TEXT_LENGTH: usize = 256;

/// The names of all events, in the order of [`Event`].
pub(super) const NAMES: [&str; 19] = [
    "registered",
    "logged_in",
    "login_refused",
    "locked",
    "login_unlocked",
    "session_revoked",
    "password_changed",
    "user_disabled",
    "user_enabled",
    "role_granted",
    "role_taken",
    "role_used",
    "token_refused",
    "access_refused",
    "contact_code_created",
    "contact_confirmed",
    "contact_refused",
    "contacts_changed",
    "account_deleted",
];

/// A security event. Its subject is the uuid of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    Registered {
        user: Uuid,
    },
    LoggedIn {
        user: Uuid,
    },
    /// A password was refused. The event has no subject and no reason, since they would distinguish an unknown login, a
    /// wrong password and a lock.
    LoginRefused,
    /// A login was refused without a check of its password, since its address or its account exceeded a limit. The
    /// event has no subject, but the network address, by which an operator can block the source.
    Locked {
        address: IpAddr,
    },
    /// An operator unlocked a login. The subject is the operator; `of` is the login's user, if there is one.
    LoginUnlocked {
        operator: Uuid,
        of: Option<Uuid>,
    },
    SessionRevoked {
        user: Uuid,
        by: Revocation,
    },
    PasswordChanged {
        user: Uuid,
    },
    /// An operator has disabled the user `of`. The subject is the operator.
    UserDisabled {
        operator: Uuid,
        of: Uuid,
    },
    UserEnabled {
        operator: Uuid,
        of: Uuid,
    },
    /// A user was given the role `operator`. The author is an [`Author`](crate::auth::Author).
    RoleGranted {
        user: Uuid,
        author: &'a str,
    },
    RoleTaken {
        user: Uuid,
        author: &'a str,
    },
    /// An operator was admitted to a method, or to another user's object, because of the role. `of` is the user or the
    /// object to which the role gave access, if the method names one; `name` that of an object without a uuid.
    RoleUsed {
        user: Uuid,
        path: &'a str,
        of: Option<Uuid>,
        name: Option<&'a str>,
    },
    /// A caller that claims to be a service was refused.
    TokenRefused {
        reason: TokenRefusal,
    },
    /// A caller may not call the method. The subject is known if it is a user.
    AccessRefused {
        user: Option<Uuid>,
        reason: AccessRefusal,
    },
    /// A user received a code to confirm a contact.
    ContactCodeCreated {
        user: Uuid,
    },
    ContactConfirmed {
        user: Uuid,
    },
    /// A code was refused. The subject is known if the code was right.
    ContactRefused {
        user: Option<Uuid>,
        reason: ContactRefusal,
    },
    /// A user replaced the e-mail address or the notification methods.
    ContactsChanged {
        user: Uuid,
    },
    /// A user ended the account.
    AccountDeleted {
        user: Uuid,
    },
}

impl Event<'_> {
    pub(super) fn name(self) -> &'static str {
        let [
            registered,
            logged_in,
            login_refused,
            locked,
            login_unlocked,
            session_revoked,
            password_changed,
            rest @ ..,
        ] = NAMES;
        let [
            user_disabled,
            user_enabled,
            role_granted,
            role_taken,
            role_used,
            token_refused,
            access_refused,
            rest @ ..,
        ] = rest;
        let [contact_code_created, contact_confirmed, contact_refused, contacts_changed, account_deleted] = rest;
        match self {
            Self::Registered { .. } => registered,
            Self::LoggedIn { .. } => logged_in,
            Self::LoginRefused => login_refused,
            Self::Locked { .. } => locked,
            Self::LoginUnlocked { .. } => login_unlocked,
            Self::SessionRevoked { .. } => session_revoked,
            Self::PasswordChanged { .. } => password_changed,
            Self::UserDisabled { .. } => user_disabled,
            Self::UserEnabled { .. } => user_enabled,
            Self::RoleGranted { .. } => role_granted,
            Self::RoleTaken { .. } => role_taken,
            Self::RoleUsed { .. } => role_used,
            Self::TokenRefused { .. } => token_refused,
            Self::AccessRefused { .. } => access_refused,
            Self::ContactCodeCreated { .. } => contact_code_created,
            Self::ContactConfirmed { .. } => contact_confirmed,
            Self::ContactRefused { .. } => contact_refused,
            Self::ContactsChanged { .. } => contacts_changed,
            Self::AccountDeleted { .. } => account_deleted,
        }
    }

    pub(super) fn user(self) -> Option<Uuid> {
        match self {
            Self::Registered { user }
            | Self::LoggedIn { user }
            | Self::SessionRevoked { user, .. }
            | Self::PasswordChanged { user }
            | Self::RoleGranted { user, .. }
            | Self::RoleTaken { user, .. }
            | Self::UserDisabled { operator: user, .. }
            | Self::UserEnabled { operator: user, .. }
            | Self::LoginUnlocked { operator: user, .. }
            | Self::RoleUsed { user, .. }
            | Self::ContactCodeCreated { user }
            | Self::ContactConfirmed { user }
            | Self::ContactsChanged { user }
            | Self::AccountDeleted { user } => Some(user),
            Self::ContactRefused { user, .. } | Self::AccessRefused { user, .. } => user,
            Self::LoginRefused | Self::Locked { .. } | Self::TokenRefused { .. } => None,
        }
    }

    pub(super) fn reason(self) -> Option<&'static str> {
        match self {
            Self::SessionRevoked { by, .. } => Some(by.as_str()),
            Self::TokenRefused { reason } => Some(reason.as_str()),
            Self::AccessRefused { reason, .. } => Some(reason.as_str()),
            Self::ContactRefused { reason, .. } => Some(reason.as_str()),
            _ => None,
        }
    }

    pub(super) fn path(&self) -> Option<&str> {
        match self {
            Self::RoleUsed { path, .. } => Some(cut(path)),
            _ => None,
        }
    }

    /// Returns the name of the object that an operator accessed, if it has no uuid.
    pub(super) fn of_name(&self) -> Option<&str> {
        match self {
            Self::RoleUsed { name, .. } => name.map(cut),
            _ => None,
        }
    }

    /// Returns the user or the object that an operator accessed.
    pub(super) fn of(self) -> Option<Uuid> {
        match self {
            Self::RoleUsed { of, .. } | Self::LoginUnlocked { of, .. } => of,
            Self::UserDisabled { of, .. } | Self::UserEnabled { of, .. } => Some(of),
            _ => None,
        }
    }

    /// Returns the author of an event that no user of this system caused.
    pub(super) fn author(&self) -> Option<&str> {
        match self {
            Self::RoleGranted { author, .. } | Self::RoleTaken { author, .. } => Some(author),
            _ => None,
        }
    }

    pub(super) fn address(self) -> Option<IpAddr> {
        match self {
            Self::Locked { address } => Some(address),
            _ => None,
        }
    }

    /// Returns the event if strangers can cause it at will.
    pub(super) fn of_strangers(self) -> Option<Event<'static>> {
        Some(match self {
            Self::LoginRefused => Event::LoginRefused,
            Self::Locked { address } => Event::Locked { address },
            Self::TokenRefused { reason } => Event::TokenRefused { reason },
            Self::AccessRefused { user, reason } => Event::AccessRefused { user, reason },
            Self::ContactRefused { user, reason } => Event::ContactRefused { user, reason },
            _ => return None,
        })
    }
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_TEXT_LENGTH)]
}

impl Event<'static> {
    /// Removes the subject and the address.
    pub(super) fn anonymous(self) -> Self {
        match self {
            Self::Locked { .. } => Self::Locked { address: Ipv4Addr::UNSPECIFIED.into() },
            Self::AccessRefused { reason, .. } => Self::AccessRefused { user: None, reason },
            Self::ContactRefused { reason, .. } => Self::ContactRefused { user: None, reason },
            other => other,
        }
    }
}
