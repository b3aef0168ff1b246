//! The security events. The names of an event's fields are those of its line.

use std::{fmt, net::IpAddr};

use uuid::Uuid;

/// The fields of an event's line.
#[derive(Clone, Copy, Default)]
pub(super) struct Fields<'a> {
    pub name: &'static str,
    /// The user whom the event is about, or the operator who acts.
    pub user: Option<Uuid>,
    pub reason: Option<&'static str>,
    pub path: Option<&'a str>,
    /// The user or the object that an operator accessed.
    pub of: Option<Uuid>,
    /// The name of an object without a uuid.
    pub of_name: Option<&'a str>,
    /// The [`Author`](crate::auth::Author) of an event that no user of this system caused.
    pub author: Option<&'a str>,
    pub address: Option<IpAddr>,
}

macro_rules! events {
    ($($(#[$doc:meta])* $name:literal $event:ident { $($field:ident: $type:ty),* })*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Event<'a> {
            $($(#[$doc])* $event { $($field: $type),* }),*
        }

        pub(super) const NAMES: &[&str] = &[$($name),*];

        impl<'a> Event<'a> {
            pub(super) fn fields(self) -> Fields<'a> {
                match self {
                    $(Self::$event { $($field),* } => {
                        Fields { name: $name, $($field: $field.into(),)* ..Fields::default() }
                    })*
                }
            }
        }
    };
}

events! {
    "registered" Registered { user: Uuid }
    "logged_in" LoggedIn { user: Uuid }
    /// A password was refused. The event has no field, since any would distinguish an unknown login, a wrong password
    /// and a lock.
    "login_refused" LoginRefused {}
    /// A login was refused without a check of its password, since its address or its account exceeded a limit. The
    /// event names no user, but the network address, by which an operator can block the source.
    "locked" Locked { address: IpAddr }
    /// An operator unlocked the login of the user `of`, if there is one.
    "login_unlocked" LoginUnlocked { user: Uuid, of: Option<Uuid> }
    "session_revoked" SessionRevoked { user: Uuid, reason: Revocation }
    "password_changed" PasswordChanged { user: Uuid }
    "user_disabled" UserDisabled { user: Uuid, of: Uuid }
    "user_enabled" UserEnabled { user: Uuid, of: Uuid }
    "role_granted" RoleGranted { user: Uuid, author: &'a str }
    "role_taken" RoleTaken { user: Uuid, author: &'a str }
    /// An operator was admitted to a method, or to another user's object, because of the role. `of` or `of_name` is the
    /// user or the object to which the role gave access, if the method names one.
    "role_used" RoleUsed { user: Uuid, path: &'a str, of: Option<Uuid>, of_name: Option<&'a str> }
    /// A caller that claims to be a service was refused.
    "token_refused" TokenRefused { reason: TokenRefusal }
    /// A caller may not call the method. The event names a caller that is a user.
    "access_refused" AccessRefused { user: Option<Uuid>, reason: AccessRefusal }
    "contact_code_created" ContactCodeCreated { user: Uuid }
    "contact_confirmed" ContactConfirmed { user: Uuid }
    /// A code was refused. The event names the user if the code was right.
    "contact_refused" ContactRefused { user: Option<Uuid>, reason: ContactRefusal }
    "contacts_changed" ContactsChanged { user: Uuid }
    "account_deleted" AccountDeleted { user: Uuid }
}

/// The events that strangers can cause at will. They have no text.
pub(super) const OF_STRANGERS: [&str; 5] =
    ["login_refused", "locked", "token_refused", "access_refused", "contact_refused"];

macro_rules! reasons {
    ($($(#[$doc:meta])* $type:ident { $($(#[$reason_doc:meta])* $reason:ident = $name:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $type {
            $($(#[$reason_doc])* $reason),*
        }

        impl $type {
            const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$reason => $name),*
                }
            }
        }

        impl From<$type> for Option<&'static str> {
            fn from(reason: $type) -> Self {
                Some(reason.as_str())
            }
        }
    )*};
}

reasons! {
    Revocation {
        Logout = "logout",
        LogoutAll = "logout_all",
        /// The user ended one session from the list of sessions.
        Ended = "ended",
        /// An operator ended one session, or all, of the user.
        EndedByOperator = "ended_by_operator",
        PasswordChanged = "password_changed",
        AccountDeleted = "account_deleted",
    }
    TokenRefusal {
        /// The token is malformed, has another algorithm or audience, lacks a claim, or is one of several.
        Kind = "kind",
        /// The token has expired, is not valid yet, or has too long a lifetime.
        Lifetime = "lifetime",
        Signature = "signature",
        /// The token contradicts the caller's certificate.
        Certificate = "certificate",
    }
    ContactRefusal {
        /// The code is wrong, has expired or was used before.
        Code = "code",
        /// The code came from another chat than the one to confirm.
        Chat = "chat",
        /// The same chat sent too many wrong codes.
        Limit = "limit",
    }
    /// Why a caller was refused that is authenticated or has no token.
    AccessRefusal {
        Role = "role",
        Service = "service",
        /// The method admits only services, and there is no token.
        Token = "token",
        Object = "object",
    }
}

impl fmt::Display for TokenRefusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
