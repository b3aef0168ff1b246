//! A row of the table `users`, and its conversion into a user and an account.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use contracts::ids::UserId;
use sqlx::types::Json;

use crate::model::{Account, ChatId, DeviceDigest, KNOWN_FOR, NotificationMethod, User, UserInfo};

pub struct UserRow {
    pub id: UserId,
    pub login: String,
    pub email: String,
    pub password_hash: String,
    pub notification_methods: Json<Vec<NotificationMethod>>,
    /// The Telegram chat that the user has confirmed.
    pub confirmed_chat: Option<ChatId>,
    /// The times of the last logins from each device, in seconds since 1970.
    pub known_devices: Json<HashMap<DeviceDigest, i64>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub is_operator: bool,
    pub is_disabled: bool,
}

/// Expands to `sqlx::query_as!` of a statement that returns [`UserRow`]s. `COLUMNS` stands for their columns; it is not
/// a constant, because sqlx's macros accept literals alone.
macro_rules! query_users {
    ($before:tt + COLUMNS $(+ $after:tt)?, $($arguments:tt)+) => {
        sqlx::query_as!(
            $crate::repository::users::row::UserRow,
            $before
                + r#"uuid as "id: _", login, email, password_hash, created_at, updated_at,
                    notification_methods as "notification_methods: _", confirmed_chat as "confirmed_chat: _",
                    known_devices as "known_devices: _",
                    operator_since is not null as "is_operator!", disabled_at is not null as "is_disabled!""#
                $(+ $after)?,
            $($arguments)+
        )
    };
}
pub(super) use query_users;

impl From<UserRow> for User {
    fn from(row: UserRow) -> Self {
        let info = UserInfo { login: row.login, email: row.email, notification_methods: row.notification_methods.0 }
            .with_confirmed(row.confirmed_chat);
        let (is_operator, is_disabled) = (row.is_operator, row.is_disabled);
        Self { id: row.id, info, created_at: row.created_at, updated_at: row.updated_at, is_operator, is_disabled }
    }
}

impl UserRow {
    /// Returns the account with the devices that are known at `now`.
    pub fn account(mut self, now: DateTime<Utc>) -> Account {
        let used = |(device, seconds)| Some((device, DateTime::from_timestamp_secs(seconds)?));
        let devices = std::mem::take(&mut self.known_devices.0).into_iter().filter_map(used);
        let devices = devices.filter(|(_, used)| *used > now - KNOWN_FOR).collect();
        let password_hash = std::mem::take(&mut self.password_hash);
        Account { user: self.into(), password_hash, devices }
    }
}
