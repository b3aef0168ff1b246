//! The PostgreSQL implementation of [`Rights`], over the table `users`.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use contracts::ids::UserId;

use super::{PgUsers, with_retry};
use crate::{error::Error, model::Operator, repository::Rights};

#[async_trait]
impl Rights for PgUsers {
    async fn set_disabled(
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

    async fn set_operator(&self, user: UserId, is_operator: bool, now: DateTime<Utc>) -> Result<bool, Error> {
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

    async fn operators(&self) -> Result<Vec<Operator>, Error> {
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
