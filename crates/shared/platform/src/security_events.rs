//! Audit log: events about identities and rights, under the log target `security`, with a counter.
//!
//! docs/security-events.md describes each event. An event contains only ids: no login, contact, session, address or token.

use std::fmt;

use uuid::Uuid;

/// The log target of the events. `LOG_LEVEL` cannot turn it off.
pub const TARGET: &str = "security";

/// The maximum length in bytes of a path in an event.
const PATH_SHOWN: usize = 256;

/// The names of all events, in the order of [`Event`].
const NAMES: [&str; 12] = [
    "registered",
    "logged_in",
    "login_refused",
    "locked",
    "session_revoked",
    "password_changed",
    "role_granted",
    "role_used",
    "token_refused",
    "contact_code_created",
    "contact_confirmed",
    "contact_refused",
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
    /// A password was refused. Without subject and reason, since they would distinguish an unknown login, a wrong password and a lock.
    LoginRefused,
    /// A login was refused without a check of its password, since its address exceeded the limit. Without a subject.
    Locked,
    SessionRevoked {
        user: Uuid,
        by: Revocation,
    },
    PasswordChanged {
        user: Uuid,
    },
    /// A user with the role `operator` was created.
    RoleGranted {
        user: Uuid,
    },
    /// An operator was admitted to a method that requires the role.
    RoleUsed {
        user: Uuid,
        path: &'a str,
    },
    /// The service refused a caller that claimed to be a service.
    TokenRefused {
        reason: TokenRefusal,
    },
    /// A user received a code to confirm a contact.
    ContactCodeCreated {
        user: Uuid,
    },
    ContactConfirmed {
        user: Uuid,
    },
    /// The service refused a code. The subject is known if the code was right.
    ContactRefused {
        user: Option<Uuid>,
        reason: ContactRefusal,
    },
}

/// The reason why sessions were revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// The user ended this session.
    Logout,
    /// The user ended all sessions.
    LogoutAll,
    /// The user or an operator ended one session from the list of sessions.
    Ended,
    /// An operator ended all sessions of the user.
    EndedByOperator,
    /// A change of the password ended the user's other sessions.
    PasswordChanged,
}

/// The reason why the token of a service was refused.
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

/// The reason why a code to confirm a contact was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContactRefusal {
    /// The code is wrong, has expired or was used before.
    Code,
    /// The code came from another chat than the contact that the user wants to confirm.
    Chat,
    /// The same chat sent too many wrong codes.
    Limit,
}

impl Event<'_> {
    fn name(self) -> &'static str {
        let [registered, logged_in, login_refused, locked, session_revoked, password_changed, rest @ ..] = NAMES;
        let [role_granted, role_used, token_refused, contact_code_created, contact_confirmed, contact_refused] = rest;
        match self {
            Self::Registered { .. } => registered,
            Self::LoggedIn { .. } => logged_in,
            Self::LoginRefused => login_refused,
            Self::Locked => locked,
            Self::SessionRevoked { .. } => session_revoked,
            Self::PasswordChanged { .. } => password_changed,
            Self::RoleGranted { .. } => role_granted,
            Self::RoleUsed { .. } => role_used,
            Self::TokenRefused { .. } => token_refused,
            Self::ContactCodeCreated { .. } => contact_code_created,
            Self::ContactConfirmed { .. } => contact_confirmed,
            Self::ContactRefused { .. } => contact_refused,
        }
    }

    fn user(self) -> Option<Uuid> {
        match self {
            Self::Registered { user }
            | Self::LoggedIn { user }
            | Self::SessionRevoked { user, .. }
            | Self::PasswordChanged { user }
            | Self::RoleGranted { user }
            | Self::RoleUsed { user, .. }
            | Self::ContactCodeCreated { user }
            | Self::ContactConfirmed { user } => Some(user),
            Self::ContactRefused { user, .. } => user,
            Self::LoginRefused | Self::Locked | Self::TokenRefused { .. } => None,
        }
    }

    fn reason(self) -> Option<&'static str> {
        match self {
            Self::SessionRevoked { by, .. } => Some(by.as_str()),
            Self::TokenRefused { reason } => Some(reason.as_str()),
            Self::ContactRefused { reason, .. } => Some(reason.as_str()),
            _ => None,
        }
    }

    fn path(&self) -> Option<&str> {
        match self {
            Self::RoleUsed { path, .. } => Some(&path[..path.floor_char_boundary(PATH_SHOWN)]),
            _ => None,
        }
    }
}

impl Revocation {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::LogoutAll => "logout_all",
            Self::Ended => "ended",
            Self::EndedByOperator => "ended_by_operator",
            Self::PasswordChanged => "password_changed",
        }
    }
}

impl TokenRefusal {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Lifetime => "lifetime",
            Self::Signature => "signature",
            Self::Certificate => "certificate",
        }
    }
}

impl ContactRefusal {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Chat => "chat",
            Self::Limit => "limit",
        }
    }
}

impl fmt::Display for TokenRefusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Logs the event and counts it.
pub fn record(event: Event<'_>) {
    let name = event.name();
    tracing::info!(
        target: TARGET,
        event = name,
        user_uuid = event.user().map(tracing::field::display),
        reason = event.reason(),
        path = event.path(),
        "security event"
    );
    metrics::counter!("security_events_total", "event" => name).increment(1);
}

/// Exports the counters with the value 0. Otherwise `rate()` would miss the first increment, with which a series begins.
pub fn count_from_zero() {
    for name in NAMES {
        metrics::counter!("security_events_total", "event" => name).increment(0);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Returns the fields of the log line that `event` produces.
    fn logged(event: Event<'_>) -> serde_json::Value {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = json_subscriber::fmt().flatten_event(true).with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(subscriber, || record(event));
        let mut fields: serde_json::Value = serde_json::from_slice(&lines.0.lock().unwrap()).unwrap();
        fields.as_object_mut().unwrap().remove("timestamp");
        fields
    }

    #[test]
    fn an_event_has_its_name_its_subject_and_its_reason() {
        let user = Uuid::from_u128(7);

        let revoked = logged(Event::SessionRevoked { user, by: Revocation::LogoutAll });
        let role = logged(Event::RoleUsed { user, path: "/api/v1/couriers" });

        assert_eq!(
            revoked,
            serde_json::json!({ "level": "INFO", "target": "security", "message": "security event",
                "event": "session_revoked", "user_uuid": user.to_string(), "reason": "logout_all" })
        );
        assert_eq!(role["path"], "/api/v1/couriers");
    }

    #[test]
    fn a_refused_code_has_a_subject_only_where_it_was_right() {
        let other = logged(Event::ContactRefused { user: Some(Uuid::from_u128(7)), reason: ContactRefusal::Chat });
        let wrong = logged(Event::ContactRefused { user: None, reason: ContactRefusal::Code });

        assert_eq!((&other["event"], &other["reason"]), (&"contact_refused".into(), &"chat".into()));
        assert_eq!(other["user_uuid"], Uuid::from_u128(7).to_string());
        assert_eq!((&wrong["reason"], wrong.get("user_uuid")), (&"code".into(), None));
    }

    #[test]
    fn a_refused_login_and_a_lock_say_nothing_but_their_name() {
        for (event, name) in [(Event::LoginRefused, "login_refused"), (Event::Locked, "locked")] {
            assert_eq!(
                logged(event),
                serde_json::json!({ "level": "INFO", "target": "security", "message": "security event", "event": name })
            );
        }
    }
}
