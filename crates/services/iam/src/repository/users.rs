//! The contract of the users' repository.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use contracts::ids::UserId;

use crate::{
    error::Error,
    model::{Account, ChatId, User, UserInfo},
};

#[async_trait]
pub trait Users: Send + Sync {
    /// Adds a user; idempotent. Fails when another user has the login or the e-mail address, in any [spelling](crate::model::caseless).
    async fn register(&self, user: &User, password_hash: &str) -> Result<(), Error>;
    /// Fails when a user has the login or the e-mail address, in any spelling.
    async fn check_free(&self, info: &UserInfo) -> Result<(), Error>;
    /// Finds the user of exactly this login, else the only user whose login has the same [key](crate::model::caseless).
    async fn by_login(&self, login: &str) -> Result<Option<Account>, Error>;
    async fn find(&self, user: UserId) -> Result<Option<User>, Error>;
    /// Changes the password if the user has not changed since `known` was read; idempotent. Returns false if the user has changed.
    async fn change_password(&self, known: &User, password_hash: &str, now: DateTime<Utc>) -> Result<bool, Error>;
    /// Replaces a hash by another one of the same password, unless the password has changed. The user's version stays.
    async fn renew_hash(&self, user: UserId, old: &str, new: &str) -> Result<(), Error>;
    /// Records that the user reads this Telegram chat, in the place of the one before, if it is the target of a notification method;
    /// idempotent. The user as changed, or None.
    async fn confirm_chat(&self, user: UserId, chat: ChatId, now: DateTime<Utc>) -> Result<Option<User>, Error>;
}
