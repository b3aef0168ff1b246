//! The repository trait of users.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use contracts::ids::UserId;

use crate::{
    error::Error,
    model::{Account, ChatId, DeviceDigest, NotificationMethod, Operator, Owner, User, UserInfo},
};

#[async_trait]
pub trait Users: Rights {
    /// Adds a user. The call is idempotent. Fails if another user has the login or the e-mail address, in any
    /// [spelling](crate::model::caseless).
    async fn register(&self, user: &User, password_hash: &str) -> Result<(), Error>;
    /// Fails if a user has the login or the e-mail address, in any spelling.
    async fn check_free(&self, info: &UserInfo) -> Result<(), Error>;
    /// Returns the user with this login, in any [spelling](crate::model::caseless), with the devices that are known at `now`.
    async fn by_login(&self, login: &str, now: DateTime<Utc>) -> Result<Option<Account>, Error>;
    /// Records that the user has logged in from this device at `now`. Keeps at most
    /// [`MAX_DEVICES`](crate::model::MAX_DEVICES), the most recently used ones.
    async fn remember_device(&self, user: UserId, device: &DeviceDigest, now: DateTime<Utc>) -> Result<(), Error>;
    async fn find(&self, user: UserId) -> Result<Option<User>, Error>;
    /// Returns the data of these users that checks of access need, in any order. Leaves out users that do not exist or
    /// are disabled.
    async fn owners(&self, users: &[UserId]) -> Result<Vec<Owner>, Error>;
    /// Changes the password if the user has not changed since `known` was read. The call is idempotent. Returns the
    /// time of the change, or `None` if the user has changed. The time is later than that of the previous change, even
    /// if this replica's clock is behind.
    async fn change_password(
        &self,
        known: &User,
        password_hash: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, Error>;
    /// Replaces the user's e-mail address and notification methods. The call is idempotent. Returns the changed user,
    /// or `None` if the user does not exist. Fails if another user has the e-mail address, in any spelling.
    async fn change_contacts(
        &self,
        user: UserId,
        email: &str,
        methods: &[NotificationMethod],
        now: DateTime<Utc>,
    ) -> Result<Option<User>, Error>;
    /// Replaces the hash `old` by another hash of the same password, unless the password has changed. The user's `updated_at` does not
    /// change.
    async fn renew_hash(&self, user: UserId, old: &str, new: &str) -> Result<(), Error>;
    /// Records that the user has confirmed this Telegram chat, if it is the target of one of the user's notification methods. It replaces
    /// the chat confirmed before. The call is idempotent. Returns the changed user, or `None` if no method has this target.
    async fn confirm_chat(&self, user: UserId, chat: ChatId, now: DateTime<Utc>) -> Result<Option<User>, Error>;
    /// Erases what is personal of a user and frees the login and the e-mail address, if the user has not changed since `known` was read.
    /// One statement writes this and the event. From then on, the user does not exist for the other methods. The call is idempotent.
    /// Returns false if the user has changed.
    async fn erase(&self, known: &User, now: DateTime<Utc>) -> Result<bool, Error>;
}

/// What operators and the command `shipyard operator` decide about a user. Each change is idempotent, and changes
/// `updated_at`, so that a change of the password that began before it fails.
#[async_trait]
pub trait Rights: Send + Sync {
    /// Disables the user for a reason, on behalf of an operator, or enables the user. Returns false if the user does not
    /// exist.
    async fn set_disabled(
        &self,
        user: UserId,
        disabled: Option<(&str, UserId)>,
        now: DateTime<Utc>,
    ) -> Result<bool, Error>;
    /// Gives or takes the role `operator`. Returns false if nothing has changed.
    async fn set_operator(&self, user: UserId, is_operator: bool, now: DateTime<Utc>) -> Result<bool, Error>;
    /// Returns the users with the role `operator`, those who have had it longest first.
    async fn operators(&self) -> Result<Vec<Operator>, Error>;
}
