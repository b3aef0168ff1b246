//! Reads the builds of assembly.

use audit::Facts;
use sqlx::PgConnection;
use uuid::Uuid;

use super::Reader;

macro_rules! select {
    ($($of:literal)?) => { concat!("select order_uuid as order, status, started_at, due_at from jobs", $($of)?) };
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
    Ok(Facts { builds: sqlx::query_as(select!()).fetch_all(database).await?, ..Facts::default() })
}

async fn of_order(database: &mut PgConnection, order: Uuid) -> anyhow::Result<Facts> {
    let builds = sqlx::query_as(select!(" where order_uuid = $1")).bind(order).fetch_all(database).await?;
    Ok(Facts { builds, ..Facts::default() })
}
