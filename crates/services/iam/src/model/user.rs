//! A user, and the data that the user enters at registration.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use contracts::{identity::TELEGRAM, ids::UserId};
use platform::invalid::{InvalidField, InvalidFields};
use serde::{Deserialize, Serialize};

use super::{ChatId, DeviceDigest, LoginAttempt, Origin, caseless, line};

/// The maximum length of an e-mail address (RFC 5321) and of a login, which may be an e-mail address, in bytes.
const MAX_ADDRESS_BYTES: usize = 254;
const MAX_PROVIDER_BYTES: usize = 64;
const MAX_TARGET_BYTES: usize = 512;
const MAX_METHODS: usize = 4;
const MAX_REASON_CHARACTERS: usize = 500;
/// The maximum total length of the texts that a user enters at registration, in bytes. A user's row is only a little
/// larger.
const MAX_TOTAL_BYTES: usize = 2_048;

/// A device is known for this long after a login.
pub const KNOWN_FOR: TimeDelta = TimeDelta::days(30);
/// The maximum number of devices of an account. A login from a further device replaces the least recently used one.
pub const MAX_DEVICES: usize = 8;

/// A channel and target through which a user is notified.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotificationMethod {
    pub provider_name: String,
    pub target: String,
    /// True if the user has proved to receive messages at this target. It is derived from the confirmed chat, not
    /// stored.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_confirmed: bool,
}

impl NotificationMethod {
    /// Returns a method that is not confirmed.
    pub const fn new(provider_name: String, target: String) -> Self {
        Self { provider_name, target, is_confirmed: false }
    }

    /// Returns the Telegram chat that is this method's target, or `None` for another target.
    pub fn chat(&self) -> Option<ChatId> {
        if self.provider_name == TELEGRAM { ChatId::parse("target", &self.target).ok() } else { None }
    }
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserInfo {
    pub login: String,
    pub email: String,
    pub notification_methods: Vec<NotificationMethod>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    #[serde(rename = "uuid")]
    pub id: UserId,
    pub info: UserInfo,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// True if the user has the role `operator`, which only the command `shipyard operator` grants and revokes.
    pub is_operator: bool,
    /// True if an operator has disabled the user: no login, and no session.
    pub is_disabled: bool,
}

/// A user with the role `operator`.
pub struct Operator {
    pub id: UserId,
    pub login: String,
    pub since: DateTime<Utc>,
    pub is_disabled: bool,
}

/// A user with the hash of the password.
#[derive(Clone)]
pub struct Account {
    pub user: User,
    pub password_hash: String,
    /// The devices from which the user has logged in within [`KNOWN_FOR`], with the times of their last logins.
    pub devices: Vec<(DeviceDigest, DateTime<Utc>)>,
}

impl Account {
    pub fn known_devices(&self) -> Vec<DeviceDigest> {
        self.devices.iter().map(|(device, _)| device.clone()).collect()
    }
}

impl fmt::Debug for NotificationMethod {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("NotificationMethod").field("provider_name", &self.provider_name).finish_non_exhaustive()
    }
}

/// The debug output contains neither the login nor a contact.
impl fmt::Debug for UserInfo {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("UserInfo(..)")
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Account").field("user", &self.user).finish_non_exhaustive()
    }
}

impl User {
    pub fn new(id: UserId, info: UserInfo, now: DateTime<Utc>) -> Self {
        Self { id, info, created_at: now, updated_at: now, is_operator: false, is_disabled: false }
    }

    /// Returns the time of the last change in microseconds since 1970, by which stores recognise the newest data.
    pub fn version(&self) -> i64 {
        self.updated_at.timestamp_micros()
    }
}

impl Account {
    pub fn origin(&self, attempt: &LoginAttempt) -> Origin {
        let device = DeviceDigest::new(self, attempt.address);
        if self.devices.iter().any(|(known, _)| *known == device) {
            Origin::KnownDevice(device)
        } else {
            Origin::NewDevice
        }
    }
}

impl UserInfo {
    /// Validates the data. An error names the invalid fields.
    pub fn new(
        login: String,
        email: String,
        notification_methods: Vec<NotificationMethod>,
    ) -> Result<Self, InvalidFields> {
        let methods = check_methods(&notification_methods, login.len() + email.len());
        all([check_new_login(&login), check_email(&email), methods])?;
        Ok(Self { login, email, notification_methods })
    }

    /// Validates new contacts for this login. An error names the invalid fields.
    pub fn check_contacts(&self, email: &str, methods: &[NotificationMethod]) -> Result<(), InvalidFields> {
        all([check_email(email), check_methods(methods, self.login.len() + email.len())])
    }

    /// Marks only the methods with the chat `confirmed` as confirmed.
    #[must_use]
    pub fn with_confirmed(mut self, confirmed: Option<ChatId>) -> Self {
        for method in &mut self.notification_methods {
            let chat = method.chat();
            method.is_confirmed = chat.is_some() && chat == confirmed;
        }
        self
    }
}

fn all(checks: impl IntoIterator<Item = Result<(), InvalidField>>) -> Result<(), InvalidFields> {
    checks.into_iter().filter_map(Result::err).collect::<InvalidFields>().none()
}

fn check_new_login(login: &str) -> Result<(), InvalidField> {
    check_login(login)?;
    if caseless(login).is_empty() {
        return Err(InvalidField::invalid("login", "must have a visible character"));
    }
    Ok(())
}

fn check_email(email: &str) -> Result<(), InvalidField> {
    line("email", email, MAX_ADDRESS_BYTES)?;
    if !is_address(email) {
        return Err(InvalidField::invalid("email", "must be an address such as ann@example.com"));
    }
    Ok(())
}

/// Checks the methods, and the total size of their texts and the `others` bytes of login and e-mail address.
fn check_methods(methods: &[NotificationMethod], others: usize) -> Result<(), InvalidField> {
    if methods.len() > MAX_METHODS {
        return Err(InvalidField::invalid("notification_methods", format!("must have at most {MAX_METHODS} entries")));
    }
    for (index, method) in methods.iter().enumerate() {
        let field = |name| format!("notification_methods[{index}].{name}");
        line(&field("provider_name"), &method.provider_name, MAX_PROVIDER_BYTES)?;
        line(&field("target"), &method.target, MAX_TARGET_BYTES)?;
        if method.provider_name == TELEGRAM {
            ChatId::parse(&field("target"), &method.target)?;
        }
    }
    let lengths = methods.iter().map(|method| method.provider_name.len() + method.target.len());
    if others + lengths.sum::<usize>() > MAX_TOTAL_BYTES {
        let problem = format!("take more than {MAX_TOTAL_BYTES} bytes together with login and email");
        return Err(InvalidField::invalid("notification_methods", problem));
    }
    Ok(())
}

/// The reason for which an operator disables a user: a text of at most 500 characters in one line.
pub fn check_reason(reason: &str) -> Result<(), InvalidField> {
    if reason.chars().count() > MAX_REASON_CHARACTERS {
        let problem = format!("must have at most {MAX_REASON_CHARACTERS} characters");
        return Err(InvalidField::invalid("reason", problem));
    }
    line("reason", reason, usize::MAX)
}

/// Fails if no account can have the login.
pub fn check_login(login: &str) -> Result<(), InvalidField> {
    line("login", login, MAX_ADDRESS_BYTES)
}

/// Returns true if the text has the form `name@domain`. It does not check that the address exists.
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

    fn info(login: &str, email: &str) -> Result<UserInfo, InvalidFields> {
        UserInfo::new(login.to_owned(), email.to_owned(), Vec::new())
    }

    #[test]
    fn an_error_names_its_field() {
        let long = "a".repeat(300);
        for login in ["", "  ", " ann", "an\0n", "an\nn", "\u{200b}", &long] {
            assert_eq!(info(login, "ann@example.com").unwrap_err().as_slice()[0].field.as_ref(), "login", "{login:?}");
        }
        let long = format!("{long}@example.com");
        for email in ["", "ann", "ann@", "@example.com", "a@b@c", "a n@example.com", "ann@example..com", &long] {
            assert_eq!(info("ann", email).unwrap_err().as_slice()[0].field.as_ref(), "email", "{email:?}");
        }
    }

    #[test]
    fn an_error_names_the_index_of_a_notification_method() {
        let method = |provider: &str, target: &str| NotificationMethod::new(provider.to_owned(), target.to_owned());
        let with = |methods| UserInfo::new("ann".to_owned(), "ann@example.com".to_owned(), methods);

        let no_target = with(vec![method("telegram", "1"), method("push", "")]).unwrap_err();
        let no_provider = with(vec![method("", "1")]).unwrap_err();
        let many = with(vec![method("push", "1"); 5]).unwrap_err();
        let no_chat = with(vec![method("push", "@ann"), method("telegram", "@ann")]).unwrap_err();

        assert_eq!(no_target.to_string(), "notification_methods[1].target: must not be empty");
        assert_eq!(no_provider.to_string(), "notification_methods[0].provider_name: must not be empty");
        assert_eq!(many.to_string(), "notification_methods: must have at most 4 entries");
        assert_eq!(no_chat.to_string(), "notification_methods[1].target: must be the number of a Telegram chat");
    }
}
