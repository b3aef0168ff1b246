//! Reads assembly jobs.

use audit::{
    Facts,
    facts::{Job, JobStatus},
};
use chrono::{DateTime, Utc};
use futures::TryStreamExt as _;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use super::{Query, parsed};

/// The statement that reads all jobs, or those of a condition.
macro_rules! select {
    ($($of:literal)?) => { concat!("select order_uuid, status, started_at, due_at from jobs", $($of)?) };
}

pub async fn read(database: &mut PgConnection) -> anyhow::Result<Facts> {
    Ok(Facts { jobs: jobs(database, sqlx::query_as(select!())).await?, ..Facts::default() })
}

/// Reads the facts of one order.
pub async fn of_order(database: &mut PgConnection, order: Uuid) -> anyhow::Result<Facts> {
    let jobs = jobs(database, sqlx::query_as(select!(" where order_uuid = $1")).bind(order)).await?;
    Ok(Facts { jobs, ..Facts::default() })
}

#[derive(FromRow)]
struct Row {
    order_uuid: Uuid,
    status: String,
    started_at: DateTime<Utc>,
    due_at: DateTime<Utc>,
}

async fn jobs(database: &mut PgConnection, query: Query<'_, Row>) -> anyhow::Result<Vec<Job>> {
    let mut rows = query.fetch(database);
    let mut jobs = Vec::new();
    while let Some(row) = rows.try_next().await? {
        jobs.push(Job {
            order: row.order_uuid,
            status: parsed("jobs.status", &row.status, JobStatus::parse)?,
            started_at: row.started_at,
            due_at: row.due_at,
        });
    }
    Ok(jobs)
}
