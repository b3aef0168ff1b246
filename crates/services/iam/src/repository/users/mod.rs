//! The repository of users in PostgreSQL: the table `users`.

mod changes;
mod row;

use std::time::Duration;

use chrono::{DateTime, Utc};
use contracts::ids::UserId;
use platform::postgres::{Database, retry_stale};
use sha2::{Digest as _, Sha256};
use sqlx::{migrate::Migrator, types::Json};

use self::row::query_users;
use crate::{
    error::Error,
    model::{Account, DeviceDigest, MAX_DEVICES, Owner, User, UserInfo, caseless},
};

pub static MIGRATIONS: Migrator = sqlx::migrate!("../../../migrations/iam");

/// The timeout of a statement together with its retry.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Clone)]
pub struct PgUsers {
    pool: Database,
}

impl PgUsers {
    pub fn new(pool: Database) -> Self {
        Self { pool }
    }
}

/// Returns the stored form of the caseless key. It is a hash, because a key can exceed the maximum size of an index
/// entry.
fn key(text: &str) -> Vec<u8> {
    Sha256::digest(caseless(text)).to_vec()
}

/// Runs an idempotent statement, and retries it once on a stale connection.
async fn with_retry<T, F>(statement: impl Fn() -> F) -> sqlx::Result<T>
where
    F: Future<Output = sqlx::Result<T>>,
{
    tokio::time::timeout(STATEMENT_TIMEOUT, retry_stale(statement)).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
}

impl PgUsers {
    /// Adds a user. The call is idempotent. Fails if another user has the login or the e-mail address, in any
    /// [spelling](crate::model::caseless).
    pub async fn register(&self, user: &User, password_hash: &str) -> Result<(), Error> {
        let inserted = with_retry(|| {
            sqlx::query!(
                "insert into users (
                    uuid, login, email, password_hash, notification_methods, created_at, updated_at, login_key, email_key,
                    operator_since
                )
                values ($1, $2, $3, $4, $5, $6, $7, $8, $9, case when $10 then $6::timestamptz end)",
                user.id.uuid(),
                user.info.login,
                user.info.email,
                password_hash,
                Json(&user.info.notification_methods) as _,
                user.created_at,
                user.updated_at,
                key(&user.info.login),
                key(&user.info.email),
                user.is_operator,
            )
            .execute(&self.pool)
        });
        match inserted.await {
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => match error.constraint() {
                // No other user has this id, so an earlier execution of this statement succeeded and its response was
                // lost.
                Some("users_pkey") => Ok(()),
                Some("users_login_caseless") => Err(Error::LoginTaken),
                Some("users_email_caseless") => Err(Error::EmailTaken),
                _ => Err(sqlx::Error::Database(error).into()),
            },
            outcome => outcome.map(drop).map_err(Error::from),
        }
    }

    /// Fails if a user has the login or the e-mail address, in any spelling.
    pub async fn check_free(&self, info: &UserInfo) -> Result<(), Error> {
        let taken = with_retry(|| {
            sqlx::query!(
                r#"select exists (select from users where login_key = $1) as "login!",
                    exists (select from users where email_key = $2) as "email!""#,
                key(&info.login),
                key(&info.email),
            )
            .fetch_one(&self.pool)
        })
        .await?;
        match (taken.login, taken.email) {
            (true, _) => Err(Error::LoginTaken),
            (_, true) => Err(Error::EmailTaken),
            _ => Ok(()),
        }
    }

    /// Returns the user with this login, in any [spelling](crate::model::caseless), with the devices that are known at
    /// `now`.
    pub async fn by_login(&self, login: &str, now: DateTime<Utc>) -> Result<Option<Account>, Error> {
        let row = with_retry(|| {
            query_users!("select " + COLUMNS + " from users where login_key = $1", key(login))
                .fetch_optional(&self.pool)
        })
        .await?;
        Ok(row.map(|row| row.account(now)))
    }

    pub async fn find(&self, user: UserId) -> Result<Option<User>, Error> {
        let row = with_retry(|| {
            query_users!("select " + COLUMNS + " from users where uuid = $1 and erased_at is null", user.uuid())
                .fetch_optional(&self.pool)
        })
        .await?;
        Ok(row.map(User::from))
    }

    /// Returns the data of these users that checks of access need, in any order. Leaves out users that do not exist or
    /// are disabled.
    pub async fn owners(&self, users: &[UserId]) -> Result<Vec<Owner>, Error> {
        let users: Vec<_> = users.iter().map(|user| user.uuid()).collect();
        let rows = with_retry(|| {
            sqlx::query!(
                r#"select uuid as "id: UserId", operator_since is not null as "is_operator!", updated_at
                from users
                where uuid = any($1) and disabled_at is null and erased_at is null"#,
                &users,
            )
            .fetch_all(&self.pool)
        })
        .await?;
        let owners = rows.into_iter().map(|row| Owner {
            id: row.id,
            is_operator: row.is_operator,
            version: row.updated_at.timestamp_micros(),
        });
        Ok(owners.collect())
    }

    /// Records that the user has logged in from this device at `now`. Keeps at most
    /// [`MAX_DEVICES`], the most recently used ones.
    pub async fn remember_device(&self, user: UserId, device: &DeviceDigest, now: DateTime<Utc>) -> Result<(), Error> {
        let remembered = with_retry(|| {
            sqlx::query!(
                "update users set known_devices = (
                    select jsonb_object_agg(device, used) from (
                        select key as device, value as used
                        from jsonb_each(known_devices || jsonb_build_object($2::text, $3::bigint))
                        order by value::bigint desc
                        limit $4
                    ) newest
                )
                where uuid = $1 and erased_at is null",
                user.uuid(),
                device.to_string(),
                now.timestamp(),
                i64::try_from(MAX_DEVICES).unwrap_or(i64::MAX),
            )
            .execute(&self.pool)
        });
        remembered.await.map(drop).map_err(Error::from)
    }

    /// Replaces the hash `old` with another hash of the same password, unless the password has changed. The user's
    /// `updated_at` does not change.
    pub async fn renew_hash(&self, user: UserId, old: &str, new: &str) -> Result<(), Error> {
        let renewed = with_retry(|| {
            sqlx::query!(
                "update users set password_hash = $3 where uuid = $1 and password_hash = $2",
                user.uuid(),
                old,
                new,
            )
            .execute(&self.pool)
        });
        renewed.await.map(drop).map_err(Error::from)
    }
}
