//! The log of operators' actions, the table `actions`. An action has one row for its start and one for its end, and
//! each row is the next one of the chain.

use chrono::{DateTime, Utc};
use contracts::ids::UserId;
use platform::postgres::Database;
use uuid::Uuid;

use crate::{
    action_chain::{Checkpoint, Entry},
    error::Error,
};

/// The result in the row that records the start of an action.
const BEGUN: &str = "begun";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    pub at: DateTime<Utc>,
    pub operator_uuid: Uuid,
    pub action: String,
    pub subject: String,
    pub result: String,
}

#[derive(Clone)]
pub struct PgActions {
    pool: Database,
}

impl PgActions {
    pub fn new(pool: Database) -> Self {
        Self { pool }
    }

    /// Adds the row of an action's start, and returns its id. `subject` is what the action is applied to: ids and
    /// topics.
    pub async fn begin(&self, operator: UserId, action: &str, subject: &str) -> Result<i64, Error> {
        self.append(operator, action, subject, BEGUN, None).await
    }

    /// Adds the row of the end of an action. Returns false if the operator has begun no action with this id.
    pub async fn end(&self, operator: UserId, begun: i64, result: &str) -> Result<bool, Error> {
        let start = sqlx::query!(
            "select action, subject from actions where id = $2 and operator_uuid = $1 and begun is null",
            operator.uuid(),
            begun,
        );
        let Some(start) = start.fetch_optional(&self.pool).await? else { return Ok(false) };
        self.append(operator, &start.action, &start.subject, result, Some(begun)).await?;
        Ok(true)
    }

    /// Adds the next row of the chain, and returns its id. Retries if another task has added a row since the end of the
    /// chain was read; one of the competing tasks always succeeds.
    async fn append(
        &self,
        operator: UserId,
        action: &str,
        subject: &str,
        result: &str,
        begun: Option<i64>,
    ) -> Result<i64, Error> {
        loop {
            // The id is higher than that of the row which this read returns, and the insert fails if a later row
            // exists. So the chain has the order of the ids.
            let end = sqlx::query!(
                r#"select hash, nextval(pg_get_serial_sequence('actions', 'id')) as "id!", now() as "at!"
                from action_chain"#,
            );
            let end = end.fetch_one(&self.pool).await?;
            let (id, at, operator_uuid) = (end.id, end.at, operator.uuid());
            let hash = Entry { id, at, operator_uuid, action, subject, result, begun }.hash(&end.hash);
            let insert = sqlx::query!(
                "with extended as (update action_chain set last = $1, hash = $9 where hash = $8 returning hash)
                insert into actions (id, at, operator_uuid, action, subject, result, begun, previous, hash)
                overriding system value
                select $1::bigint, $2::timestamptz, $3::uuid, $4::text, $5::text, $6::text, $7::bigint, $8::text, hash
                from extended",
                id,
                at,
                operator_uuid,
                action,
                subject,
                result,
                begun,
                end.hash.as_str(),
                hash.as_str(),
            );
            if insert.execute(&self.pool).await?.rows_affected() > 0 {
                return Ok(id);
            }
        }
    }

    /// Returns the last row of the chain, its hash and the time if it has to be signed: it is not signed, and the last
    /// signature is an hour old.
    pub async fn to_be_signed(&self) -> Result<Option<(i64, String, DateTime<Utc>)>, Error> {
        let end = sqlx::query!(
            r#"select last as "last!", hash, now() as "at!" from action_chain
            where last > coalesce((select max(action) from action_checkpoints), 0)
                and not exists (
                    select from (select signed_at from action_checkpoints order by action desc limit 1) as latest
                    where signed_at > now() - interval '1 hour')"#,
        );
        Ok(end.fetch_optional(&self.pool).await?.map(|end| (end.last, end.hash, end.at)))
    }

    /// Adds a checkpoint. Returns false if the row has one.
    pub async fn add_checkpoint(&self, checkpoint: &Checkpoint) -> Result<bool, Error> {
        let add = sqlx::query!(
            "insert into action_checkpoints (action, hash, signed_at, kid, signature) values ($1, $2, $3, $4, $5)
            on conflict (action) do nothing",
            checkpoint.action,
            checkpoint.hash.as_str(),
            checkpoint.signed_at,
            checkpoint.kid.as_str(),
            checkpoint.signature.as_slice(),
        );
        Ok(add.execute(&self.pool).await?.rows_affected() > 0)
    }

    /// Returns the latest rows, the newest first.
    pub async fn latest(&self, limit: i64) -> Result<Vec<Action>, Error> {
        let actions = sqlx::query_as!(
            Action,
            "select at, operator_uuid, action, subject, result from actions order by id desc limit $1",
            limit,
        );
        Ok(actions.fetch_all(&self.pool).await?)
    }

    /// Returns the latest rows of an operator, the newest first.
    pub async fn of_operator(&self, operator: UserId, limit: i64) -> Result<Vec<Action>, Error> {
        let actions = sqlx::query_as!(
            Action,
            "select at, operator_uuid, action, subject, result from actions where operator_uuid = $1 order by id desc limit $2",
            operator.uuid(),
            limit,
        );
        Ok(actions.fetch_all(&self.pool).await?)
    }
}
