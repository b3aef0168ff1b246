//! Reads the builds of assembly.

use audit::{
    Facts,
    facts::{Build, BuildStatus},
};
use chrono::{DateTime, Utc};
use futures::TryStreamExt as _;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use super::{Query, Reader, parsed};

macro_rules! select {
    ($($of:literal)?) => { concat!("select order_uuid, status, started_at, due_at from jobs", $($of)?) };
}

pub const READER: Reader = Reader {
    service: &assembly::SERVICE,
    facts: |database| Box::pin(read(database)),
    of_order: Some(|database, order| Box::pin(of_order(database, order))),
    pending: &[("ships being built", "select count(*) from jobs where status = 'building'")],
    fingerprint:
        "select concat_ws(' ', count(*), max(finished_at), (select max(id) from outbox), (select count(*) from inbox))
        from jobs",
};

async fn read(database: &mut PgConnection) -> anyhow::Result<Facts> {
    Ok(Facts { builds: builds(database, sqlx::query_as(select!())).await?, ..Facts::default() })
}

/// Reads the facts of one order.
async fn of_order(database: &mut PgConnection, order: Uuid) -> anyhow::Result<Facts> {
    let builds = builds(database, sqlx::query_as(select!(" where order_uuid = $1")).bind(order)).await?;
    Ok(Facts { builds, ..Facts::default() })
}

#[derive(FromRow)]
struct Row {
    order_uuid: Uuid,
    status: String,
    started_at: DateTime<Utc>,
    due_at: DateTime<Utc>,
}

async fn builds(database: &mut PgConnection, query: Query<'_, Row>) -> anyhow::Result<Vec<Build>> {
    let mut rows = query.fetch(database);
    let mut builds = Vec::new();
    while let Some(row) = rows.try_next().await? {
        builds.push(Build {
            order: row.order_uuid,
            status: parsed("jobs.status", &row.status, BuildStatus::parse)?,
            started_at: row.started_at,
            due_at: row.due_at,
        });
    }
    Ok(builds)
}
