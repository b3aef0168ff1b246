//! The caseless keys of the table `users`: computes them, fills those that older replicas did not write, and lists collisions.

use contracts::ids::UserId;
use platform::postgres::Database;
use sha2::{Digest as _, Sha256};

use crate::{error::Error, model::caseless};

/// The maximum number of rows that one batch fills.
pub const FILL_BATCH: i64 = 500;

/// Returns the stored form of the key. It is a hash, because a key can exceed the maximum size of an index entry.
pub(super) fn key(text: &str) -> Vec<u8> {
    Sha256::digest(caseless(text)).to_vec()
}

/// Users whose logins, or whose e-mail addresses, differ only in spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collision {
    /// The field that collides: `login` or `email`.
    pub field: String,
    pub users: Vec<UserId>,
}

/// Fills the keys of one batch of rows without keys. Returns the number of rows in the batch. A row whose key another row has already is
/// marked as colliding.
pub async fn fill_keys(pool: &Database) -> Result<u64, Error> {
    let rows =
        sqlx::query!("select uuid, login, email from users where login_key is null order by uuid limit $1", FILL_BATCH)
            .fetch_all(pool)
            .await?;
    for row in &rows {
        let filled = sqlx::query!(
            "update users set
                login_key = $2,
                email_key = $3,
                login_collides = exists (select 1 from users where login_key = $2 and uuid <> $1),
                email_collides = exists (select 1 from users where email_key = $3 and not email_collides and uuid <> $1)
            where uuid = $1 and login_key is null",
            row.uuid,
            key(&row.login),
            key(&row.email),
        )
        .execute(pool)
        .await;
        match filled {
            // Another user with the same key was registered meanwhile. The next batch retries this row and finds that user.
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {}
            outcome => {
                outcome?;
            }
        }
    }
    Ok(rows.len().try_into().unwrap_or(u64::MAX))
}

/// Returns at most `limit` collisions. The colliding users were registered by an older version and keep their logins and e-mail addresses.
pub async fn collisions(pool: &Database, limit: i64) -> Result<Vec<Collision>, Error> {
    let rows = sqlx::query!(
        r#"(select 'login' as "field!", array_agg(uuid order by uuid) as "users!" from users
            where login_key in (select login_key from users where login_collides) group by login_key)
        union all
        (select 'email', array_agg(uuid order by uuid) from users
            where email_key in (select email_key from users where email_collides) group by email_key)
        limit $1"#,
        limit,
    )
    .fetch_all(pool)
    .await?;
    let collision =
        |field, users: Vec<uuid::Uuid>| Collision { field, users: users.into_iter().map(UserId::new).collect() };
    Ok(rows.into_iter().map(|row| collision(row.field, row.users)).collect())
}
