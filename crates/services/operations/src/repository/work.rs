//! The long actions of operators, the table `work`: for each kind the progress of the running action and the result of
//! the last one. In all replicas together, one action of a kind runs at a time.

use chrono::{DateTime, Utc};
use contracts::proto::operations::v1::Running;
use platform::{
    grpc::timestamp,
    ids,
    postgres::{Database, retry_stale},
};
use prost::Message;
use uuid::Uuid;

use crate::error::Error;

pub struct Now<T> {
    pub running: Option<Running>,
    pub last: Option<Ended<T>>,
}

pub struct Ended<T> {
    /// The title of the action, such as `Replaying dead letters`.
    pub title: String,
    pub at: DateTime<Utc>,
    /// `None` if it succeeded.
    pub error: Option<String>,
    /// The default value if it failed.
    pub result: T,
}

/// The row of one kind.
#[derive(Clone)]
pub struct PgWork {
    pool: Database,
    kind: &'static str,
}

/// A run of an action. It holds the row of its kind until it ends, or until its process was not seen for 30 s.
#[derive(Clone)]
pub struct Run {
    row: PgWork,
    uuid: Uuid,
}

impl PgWork {
    /// `kind` is `audit` or `letters`.
    pub fn new(pool: Database, kind: &'static str) -> Self {
        Self { pool, kind }
    }

    /// Begins a run. `None` while another one holds the row.
    pub async fn begin(&self, title: &str) -> Result<Option<Run>, Error> {
        self.end_lost().await?;
        let uuid = ids::random();
        let begin = sqlx::query!(
            "insert into work (kind, run, title) values ($1, $2, $3)
            on conflict (kind) do update
            set run = excluded.run, title = excluded.title, began_at = now(), seen_at = now(), step = '', done = 0,
                total = 0
            where work.run is null",
            self.kind,
            uuid,
            title,
        );
        let has_begun = begin.execute(&self.pool).await?.rows_affected() > 0;
        Ok(has_begun.then(|| Run { row: self.clone(), uuid }))
    }

    /// Returns the action that runs, and the last one that ended.
    pub async fn now<T: Message + Default>(&self) -> Result<Now<T>, Error> {
        self.end_lost().await?;
        let row = sqlx::query!(
            "select run, title, began_at, step, done, total, last_title, last_at, last_error, last_result
            from work where kind = $1",
            self.kind,
        );
        let Some(row) = row.fetch_optional(&self.pool).await? else { return Ok(Now { running: None, last: None }) };
        let running = row.run.map(|_| Running {
            title: row.title,
            since: Some(timestamp(row.began_at)),
            step: row.step,
            done: row.done.cast_unsigned(),
            total: row.total.cast_unsigned(),
        });
        let Some((title, at)) = row.last_title.zip(row.last_at) else { return Ok(Now { running, last: None }) };
        let result = T::decode(row.last_result.unwrap_or_default().as_slice());
        let result = result.map_err(|error| sqlx::Error::Decode(error.into()))?;
        Ok(Now { running, last: Some(Ended { title, at, error: row.last_error, result }) })
    }

    /// Ends a run whose process has died.
    async fn end_lost(&self) -> Result<(), Error> {
        let end = || {
            sqlx::query!(
                "update work set run = null, last_title = title, last_at = seen_at, last_error = 'it was interrupted',
                    last_result = null
                where kind = $1 and run is not null and seen_at < now() - interval '30 s'",
                self.kind,
            )
            .execute(&self.pool)
        };
        retry_stale(end).await?;
        Ok(())
    }
}

impl Run {
    /// Records the progress, and that the process lives. Returns false if the run holds the row no longer.
    pub async fn touch(&self, step: &str, done: usize, total: usize) -> Result<bool, Error> {
        let touch = sqlx::query!(
            "update work set seen_at = now(), step = $3, done = $4, total = $5 where kind = $1 and run = $2",
            self.row.kind,
            self.uuid,
            step,
            (done as u64).cast_signed(),
            (total as u64).cast_signed(),
        );
        Ok(touch.execute(&self.row.pool).await?.rows_affected() > 0)
    }

    /// Records the result, or why the action failed, if the run still holds the row, and lets the next one begin.
    pub async fn end<T: Message>(&self, result: Result<T, String>) -> Result<(), Error> {
        let (result, error) = match result {
            Ok(result) => (Some(result.encode_to_vec()), None),
            Err(error) => (None, Some(error)),
        };
        let end = || {
            sqlx::query!(
                "update work set run = null, last_title = title, last_at = now(), last_error = $3, last_result = $4
                where kind = $1 and run = $2",
                self.row.kind,
                self.uuid,
                error.as_deref(),
                result.as_deref(),
            )
            .execute(&self.row.pool)
        };
        retry_stale(end).await?;
        Ok(())
    }
}
