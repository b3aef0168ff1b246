//! Reads stock, restocked quantities and reservations.

use std::collections::HashMap;

use audit::{
    Facts,
    facts::{Part, Reservation, ReservationStatus, Restock},
};
use chrono::{DateTime, Utc};
use futures::TryStreamExt as _;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use super::{Query, Reader, parsed};

macro_rules! parts {
    ($rest:literal) => {
        concat!("select part_uuid, name, initial, restocked, available, reserved, consumed from parts", $rest)
    };
}

macro_rules! items {
    ($($of:literal)?) => {
        concat!("select order_uuid, part_uuid, quantity, unit_price from reservation_items", $($of)?)
    };
}

macro_rules! reservations {
    ($($of:literal)?) => {
        concat!("select order_uuid, status, expires_at, first_ended_at, updated_at from reservations", $($of)?)
    };
}

pub const READER: Reader = Reader {
    service: &inventory::SERVICE,
    facts: |database| Box::pin(read(database)),
    of_order: Some(|database, order| Box::pin(of_order(database, order))),
    pending: &[("due reservations", "select count(*) from reservations where status = 'held' and expires_at <= now()")],
    fingerprint: "select concat_ws(' ', count(*), max(updated_at), (select max(updated_at) from parts),
            (select count(*) from restocks), (select count(*) from inbox))
        from reservations",
};

async fn read(database: &mut PgConnection) -> anyhow::Result<Facts> {
    let (items, all) = (sqlx::query_as(items!()), sqlx::query_as(reservations!()));
    Ok(Facts {
        parts: parts(database, sqlx::query_as(parts!(" order by position"))).await?,
        restocks: restocks(database).await?,
        reservations: reservations(database, items, all).await?,
        ..Facts::default()
    })
}

async fn of_order(database: &mut PgConnection, order: Uuid) -> anyhow::Result<Facts> {
    let items = sqlx::query_as(items!(" where order_uuid = $1")).bind(order);
    let own = sqlx::query_as(reservations!(" where order_uuid = $1")).bind(order);
    let reservations = reservations(database, items, own).await?;
    let uuids: Vec<Uuid> = reservations.iter().flat_map(|one| &one.items).map(|(part, _)| *part).collect();
    let parts = parts(database, sqlx::query_as(parts!(" where part_uuid = any($1)")).bind(uuids)).await?;
    Ok(Facts { parts, reservations, ..Facts::default() })
}

#[derive(FromRow)]
struct PartRow {
    part_uuid: Uuid,
    name: String,
    initial: i64,
    restocked: i64,
    available: i64,
    reserved: i64,
    consumed: i64,
}

async fn parts(database: &mut PgConnection, query: Query<'_, PartRow>) -> anyhow::Result<Vec<Part>> {
    let parts = query.fetch_all(database).await?.into_iter().map(|row| Part {
        uuid: row.part_uuid,
        name: row.name,
        initial: row.initial,
        restocked: row.restocked,
        available: row.available,
        reserved: row.reserved,
        consumed: row.consumed,
    });
    Ok(parts.collect())
}

async fn restocks(database: &mut PgConnection) -> anyhow::Result<Vec<Restock>> {
    let sums: Vec<(Uuid, i64, Option<Vec<Uuid>>)> = sqlx::query_as(
        "select part_uuid, sum(quantity)::bigint, array_agg(restock_uuid) filter (where decided_by is null)
        from restock_items join restocks using (restock_uuid)
        group by part_uuid",
    )
    .fetch_all(database)
    .await?;
    let restock = |(part, quantity, unsigned): (Uuid, i64, Option<Vec<Uuid>>)| {
        let unsigned = unsigned.unwrap_or_default();
        Restock { part, quantity, unsigned }
    };
    Ok(sums.into_iter().map(restock).collect())
}

#[derive(FromRow)]
struct ReservationRow {
    order_uuid: Uuid,
    status: String,
    expires_at: Option<DateTime<Utc>>,
    first_ended_at: Option<DateTime<Utc>>,
    updated_at: DateTime<Utc>,
}

async fn reservations(
    database: &mut PgConnection,
    lines: Query<'_, (Uuid, Uuid, i64, i64)>,
    query: Query<'_, ReservationRow>,
) -> anyhow::Result<Vec<Reservation>> {
    let mut reserved: HashMap<Uuid, (Vec<(Uuid, i64)>, i64)> = HashMap::new();
    let mut rows = lines.fetch(&mut *database);
    while let Some((order, part, quantity, unit_price)) = rows.try_next().await? {
        let (items, price) = reserved.entry(order).or_default();
        items.push((part, quantity));
        *price = price.saturating_add(quantity.saturating_mul(unit_price));
    }
    drop(rows);
    let mut rows = query.fetch(database);
    let mut reservations = Vec::new();
    while let Some(row) = rows.try_next().await? {
        let (items, price) = reserved.remove(&row.order_uuid).unwrap_or_default();
        reservations.push(Reservation {
            order: row.order_uuid,
            status: parsed("reservations.status", &row.status, ReservationStatus::parse)?,
            items,
            price,
            expires_at: row.expires_at,
            first_ended_at: row.first_ended_at,
            updated_at: row.updated_at,
        });
    }
    Ok(reservations)
}
