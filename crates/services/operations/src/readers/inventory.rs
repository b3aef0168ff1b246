//! Reads stock, restocked quantities and reservations.

use std::collections::HashMap;

use audit::{Facts, facts::Reservation};
use futures::TryStreamExt as _;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Query, Reader};

macro_rules! parts {
    ($rest:literal) => {
        concat!("select part_uuid as uuid, name, initial, restocked, available, reserved, consumed from parts", $rest)
    };
}

macro_rules! items {
    ($($of:literal)?) => {
        concat!("select order_uuid, part_uuid, quantity, unit_price from reservation_items", $($of)?)
    };
}

macro_rules! reservations {
    ($($of:literal)?) => {
        concat!("select order_uuid as order, status, expires_at, first_ended_at, updated_at from reservations", $($of)?)
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
    let restocks = sqlx::query_as(
        "select part_uuid as part, sum(quantity)::bigint as quantity,
            coalesce(array_agg(restock_uuid) filter (where decided_by is null), '{}') as unsigned
        from restock_items join restocks using (restock_uuid)
        group by part_uuid",
    );
    let (items, all) = (sqlx::query_as(items!()), sqlx::query_as(reservations!()));
    Ok(Facts {
        parts: sqlx::query_as(parts!(" order by position")).fetch_all(&mut *database).await?,
        restocks: restocks.fetch_all(&mut *database).await?,
        reservations: reservations(database, items, all).await?,
        ..Facts::default()
    })
}

async fn of_order(database: &mut PgConnection, order: Uuid) -> anyhow::Result<Facts> {
    let items = sqlx::query_as(items!(" where order_uuid = $1")).bind(order);
    let own = sqlx::query_as(reservations!(" where order_uuid = $1")).bind(order);
    let reservations = reservations(database, items, own).await?;
    let uuids: Vec<Uuid> = reservations.iter().flat_map(|one| &one.items).map(|(part, _)| *part).collect();
    let parts = sqlx::query_as(parts!(" where part_uuid = any($1)")).bind(uuids).fetch_all(database).await?;
    Ok(Facts { parts, reservations, ..Facts::default() })
}

async fn reservations(
    database: &mut PgConnection,
    lines: Query<'_, (Uuid, Uuid, i64, i64)>,
    query: Query<'_, Reservation>,
) -> anyhow::Result<Vec<Reservation>> {
    let mut reserved: HashMap<Uuid, (Vec<(Uuid, i64)>, i64)> = HashMap::new();
    let mut rows = lines.fetch(&mut *database);
    while let Some((order, part, quantity, unit_price)) = rows.try_next().await? {
        let (items, price) = reserved.entry(order).or_default();
        items.push((part, quantity));
        *price = price.saturating_add(quantity.saturating_mul(unit_price));
    }
    drop(rows);
    let mut reservations = query.fetch_all(database).await?;
    for reservation in &mut reservations {
        (reservation.items, reservation.price) = reserved.remove(&reservation.order).unwrap_or_default();
    }
    Ok(reservations)
}
