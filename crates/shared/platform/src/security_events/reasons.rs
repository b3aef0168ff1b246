//! The reasons of security events.

use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// The user ended this session.
    Logout,
    /// The user ended all sessions.
    LogoutAll,
    /// The user ended one session from the list of sessions.
    Ended,
    /// An operator ended one session, or all, of the user.
    EndedByOperator,
    /// A change of the password ended the user's other sessions.
    PasswordChanged,
    /// The user asked to end the account.
    AccountDeleted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenRefusal {
    /// The token is malformed, has another algorithm or audience, lacks a claim, or is one of several.
    Kind,
    /// The token has expired, is not valid yet, or has too long a lifetime.
    Lifetime,
    /// The token was signed with another key.
    Signature,
    /// The token contradicts the caller's certificate.
    Certificate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContactRefusal {
    /// The code is wrong, has expired or was used before.
    Code,
    /// The code came from another chat than the one to confirm.
    Chat,
    /// The same chat sent too many wrong codes.
    Limit,
}

/// Why a caller was refused that is authenticated or has no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessRefusal {
    /// The user lacks the role `operator`.
    Role,
    /// The method does not admit this service.
    Service,
    /// The method admits only services, and there is no token.
    Token,
    /// The object belongs to another user.
    Object,
}

impl Revocation {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::LogoutAll => "logout_all",
            Self::Ended => "ended",
            Self::EndedByOperator => "ended_by_operator",
            Self::PasswordChanged => "password_changed",
            Self::AccountDeleted => "account_deleted",
        }
    }
}

impl TokenRefusal {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Lifetime => "lifetime",
            Self::Signature => "signature",
            Self::Certificate => "certificate",
        }
    }
}

impl ContactRefusal {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Chat => "chat",
            Self::Limit => "limit",
        }
    }
}

impl AccessRefusal {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Role => "role",
            Self::Service => "service",
            Self::Token => "token",
            Self::Object => "object",
        }
    }
}

impl fmt::Display for TokenRefusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
