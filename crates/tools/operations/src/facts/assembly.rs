//! Reads assembly jobs.

use audit::{
    Facts,
    facts::{Job, JobStatus},
};
use chrono::{DateTime, Utc};
use futures::TryStreamExt as _;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use super::parsed;

pub async fn read(database: &mut PgConnection) -> anyhow::Result<Facts> {
    Ok(Facts { jobs: jobs(database).await?, ..Facts::default() })
}

#[derive(FromRow)]
struct Row {
    order_uuid: Uuid,
    status: String,
    started_at: DateTime<Utc>,
    due_at: DateTime<Utc>,
}

async fn jobs(database: &mut PgConnection) -> anyhow::Result<Vec<Job>> {
    let mut rows = sqlx::query_as::<_, Row>("select order_uuid, status, started_at, due_at from jobs").fetch(database);
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
