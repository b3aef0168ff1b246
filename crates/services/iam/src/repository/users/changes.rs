//! Changes of a user: of its own data, by an operator, and its end.

use chrono::{DateTime, Utc};
use contracts::{identity::TELEGRAM, ids::UserId};
use platform::telemetry;
use sqlx::types::Json;

use super::{PgUsers, key, row::query_users, with_retry};
use crate::{
    error::Error,
    events,
    model::{ChatId, NotificationMethod, Operator, User},
};

impl PgUsers {
    /// Changes the password if the user has not changed since `known` was read. The call is idempotent. Returns the
    /// time of the change, or `None` if the user has changed. The time is later than that of the previous change, even
    /// if this replica's clock is behind.
    pub async fn change_password(
        &self,
        known: &User,
        password_hash: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, Error> {
        let changed = with_retry(|| {
            sqlx::query_scalar!(
                "update users set
                    password_hash = $3,
                    updated_at = case
                        when password_hash = $3 then updated_at
                        else greatest($4, updated_at + interval '1 microsecond')
                    end
                where uuid = $1 and (updated_at = $2 or password_hash = $3)
                returning updated_at",
                known.id.uuid(),
                known.updated_at,
                password_hash,
                now,
            )
            .fetch_optional(&self.pool)
        });
        changed.await.map_err(Error::from)
    }

    /// Replaces the user's e-mail address and notification methods. The call is idempotent. Returns the changed user,
    /// or `None` if the user does not exist. Fails if another user has the e-mail address, in any spelling.
    pub async fn change_contacts(
        &self,
        user: UserId,
        email: &str,
        methods: &[NotificationMethod],
        now: DateTime<Utc>,
    ) -> Result<Option<User>, Error> {
        let row = with_retry(|| {
            query_users!(
                "update users set
                    email = $2,
                    email_key = $3,
                    notification_methods = $4,
                    updated_at = greatest($5, updated_at + interval '1 microsecond')
                where uuid = $1 and erased_at is null
                returning "
                    + COLUMNS,
                user.uuid(),
                email,
                key(email),
                Json(methods) as _,
                now,
            )
            .fetch_optional(&self.pool)
        });
        match row.await {
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Err(Error::EmailTaken),
            row => Ok(row?.map(User::from)),
        }
    }

    /// Records that the user has confirmed this Telegram chat, if it is the target of one of the user's notification
    /// methods. It replaces the chat confirmed before. The call is idempotent. Returns the changed user, or `None` if
    /// no method has this target.
    pub async fn confirm_chat(&self, user: UserId, chat: ChatId, now: DateTime<Utc>) -> Result<Option<User>, Error> {
        let row = with_retry(|| {
            query_users!(
                "update users set
                    confirmed_chat = $2,
                    chat_confirmed_at = case when confirmed_chat = $2 then chat_confirmed_at else $3 end,
                    updated_at = case
                        when confirmed_chat = $2 then updated_at
                        else greatest($3, updated_at + interval '1 microsecond')
                    end
                where uuid = $1
                  and notification_methods @> jsonb_build_array(
                    jsonb_build_object('provider_name', $4::text, 'target', $5::text))
                returning "
                    + COLUMNS,
                user.uuid(),
                chat.number(),
                now,
                TELEGRAM,
                chat.to_string(),
            )
            .fetch_optional(&self.pool)
        })
        .await?;
        Ok(row.map(User::from))
    }

    /// Erases the personal data of a user and frees the login and the e-mail address, if the user has not changed since
    /// `known` was read. One statement writes this and the event. From then on, the user does not exist for the other
    /// methods. The call is idempotent. Returns false if the user has changed.
    pub async fn erase(&self, known: &User, now: DateTime<Utc>) -> Result<bool, Error> {
        let event = events::user_erased(known.id, now);
        let erased = with_retry(|| {
            sqlx::query_scalar!(
                r#"with erased as (
                update users set
                    login = uuid::text,
                    email = uuid::text,
                    login_key = uuid_send(uuid),
                    email_key = uuid_send(uuid),
                    password_hash = '',
                    notification_methods = '[]',
                    confirmed_chat = null,
                    chat_confirmed_at = null,
                    known_devices = '{}',
                    erased_at = $3,
                    updated_at = greatest($3, updated_at + interval '1 microsecond')
                where uuid = $1 and updated_at = $2 and erased_at is null and operator_since is null
                returning uuid
            ), event as (
                insert into outbox (event_uuid, event_type, key, payload, trace)
                select $4, $5, uuid, $6, $7 from erased
            )
            select exists (select from erased)
                or exists (select from users where uuid = $1 and erased_at is not null) as "erased!""#,
                known.id.uuid(),
                known.updated_at,
                now,
                event.uuid,
                event.kind,
                event.payload,
                telemetry::trace(),
            )
            .fetch_one(&self.pool)
        });
        erased.await.map_err(Error::from)
    }
}

/// Decisions of operators and of the command `shipyard operator` about a user. Each change is idempotent, and changes
/// `updated_at`, so that a change of the password that began before it fails.
impl PgUsers {
    /// Disables the user for a reason, on behalf of an operator, or enables the user. Returns false if the user does
    /// not exist.
    pub async fn set_disabled(
        &self,
        user: UserId,
        disabled: Option<(&str, UserId)>,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let changed = with_retry(|| {
            sqlx::query!(
                "update users set
                    disabled_at = case when $2::text is not null then $4::timestamptz end,
                    disabled_reason = $2,
                    disabled_by = $3,
                    updated_at = greatest($4, updated_at + interval '1 microsecond')
                where uuid = $1",
                user.uuid(),
                disabled.map(|(reason, _)| reason),
                disabled.map(|(_, by)| by.uuid()),
                now,
            )
            .execute(&self.pool)
        });
        Ok(changed.await?.rows_affected() > 0)
    }

    /// Grants or revokes the role `operator`. Returns false if nothing has changed.
    pub async fn set_operator(&self, user: UserId, is_operator: bool, now: DateTime<Utc>) -> Result<bool, Error> {
        let changed = with_retry(|| {
            sqlx::query!(
                "update users set
                    operator_since = case when $2 then $3::timestamptz end,
                    updated_at = greatest($3, updated_at + interval '1 microsecond')
                where uuid = $1 and (operator_since is not null) <> $2",
                user.uuid(),
                is_operator,
                now,
            )
            .execute(&self.pool)
        });
        Ok(changed.await?.rows_affected() > 0)
    }

    /// Returns the users with the role `operator`, those who have had it longest first.
    pub async fn operators(&self) -> Result<Vec<Operator>, Error> {
        let operators = with_retry(|| {
            sqlx::query_as!(
                Operator,
                r#"select uuid as "id: UserId", login, operator_since as "since!", disabled_at is not null as "is_disabled!"
                from users
                where operator_since is not null
                order by operator_since"#,
            )
            .fetch_all(&self.pool)
        });
        operators.await.map_err(Error::from)
    }
}
