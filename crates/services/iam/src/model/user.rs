//! A user, and what he says of himself.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Invalid, line};

/// The longest address that mail can be sent to (RFC 5321), and the longest login, which may look like one.
const ADDRESS_BYTES: usize = 254;
const PROVIDER_BYTES: usize = 64;
const TARGET_BYTES: usize = 512;
const METHODS: usize = 16;

/// A channel on which a user wants to be told of things.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotificationMethod {
    pub provider_name: String,
    pub target: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserInfo {
    pub login: String,
    pub email: String,
    pub notification_methods: Vec<NotificationMethod>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    pub uuid: Uuid,
    pub info: UserInfo,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A user and the hash of his password.
#[derive(Clone, Debug)]
pub struct Account {
    pub user: User,
    pub password_hash: String,
}

impl UserInfo {
    /// Checks what a new user says of himself; an error names the field.
    pub fn new(login: String, email: String, notification_methods: Vec<NotificationMethod>) -> Result<Self, Invalid> {
        check_login(&login)?;
        line("email", &email, ADDRESS_BYTES)?;
        if !is_address(&email) {
            return Err(Invalid::new("email", "is not an address such as ann@example.com"));
        }
        if notification_methods.len() > METHODS {
            return Err(Invalid::new("notification_methods", "are too many"));
        }
        for (index, method) in notification_methods.iter().enumerate() {
            let field = |name| format!("notification_methods[{index}].{name}");
            line(&field("provider_name"), &method.provider_name, PROVIDER_BYTES)?;
            line(&field("target"), &method.target, TARGET_BYTES)?;
        }
        Ok(Self { login, email, notification_methods })
    }

    /// The e-mail address as it is compared: however it is written, it is the same box.
    pub fn mailbox(&self) -> String {
        self.email.to_lowercase()
    }
}

pub fn check_login(login: &str) -> Result<(), Invalid> {
    line("login", login, ADDRESS_BYTES)
}

/// True for `name@domain`. Whether mail arrives there, only mail can tell.
fn is_address(email: &str) -> bool {
    email.split_once('@').is_some_and(|(name, domain)| {
        !name.is_empty()
            && !domain.contains('@')
            && domain.split('.').all(|label| !label.is_empty())
            && !email.contains(char::is_whitespace)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(login: &str, email: &str) -> Result<UserInfo, Invalid> {
        UserInfo::new(login.to_owned(), email.to_owned(), Vec::new())
    }

    #[test]
    fn a_login_may_look_like_an_address() {
        assert!(info("ann@example.com", "ann@example.com").is_ok());
    }

    #[test]
    fn what_is_wrong_with_a_field_is_said_with_its_name() {
        let long = "a".repeat(300);
        for login in ["", "  ", " ann", "an\0n", "an\nn", &long] {
            assert_eq!(info(login, "ann@example.com").unwrap_err().field, "login", "{login:?}");
        }
        let long = format!("{long}@example.com");
        for email in ["", "ann", "ann@", "@example.com", "a@b@c", "a n@example.com", "ann@example..com", &long] {
            assert_eq!(info("ann", email).unwrap_err().field, "email", "{email:?}");
        }
    }

    #[test]
    fn a_notification_method_is_named_by_its_place() {
        let method = |provider_name: &str, target: &str| NotificationMethod {
            provider_name: provider_name.to_owned(),
            target: target.to_owned(),
        };
        let with = |methods| UserInfo::new("ann".to_owned(), "ann@example.com".to_owned(), methods);

        let no_target = with(vec![method("telegram", "1"), method("push", "")]).unwrap_err();
        let no_provider = with(vec![method("", "1")]).unwrap_err();
        let many = with(vec![method("push", "1"); 17]).unwrap_err();

        assert_eq!(no_target.to_string(), "notification_methods[1].target: is empty");
        assert_eq!(no_provider.to_string(), "notification_methods[0].provider_name: is empty");
        assert_eq!(many.field, "notification_methods");
    }
}
