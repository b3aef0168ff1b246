//! The statement that ends an account.

use chrono::{DateTime, Utc};
use platform::{outbox, postgres::Database};

use super::with_retry;
use crate::{error::Error, events, model::User};

pub async fn erase(pool: &Database, known: &User, now: DateTime<Utc>) -> Result<bool, Error> {
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
            outbox::trace(),
        )
        .fetch_one(pool)
    });
    erased.await.map_err(Error::from)
}
