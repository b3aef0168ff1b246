//! Adds units to the stock, and reads the units that an earlier call added.

use contracts::ids::PartId;
use platform::{auth::Author, postgres::Database};
use uuid::Uuid;

use crate::model::Lines;

pub(super) enum Restocked {
    Added,
    /// An earlier call used the restock's id. Nothing was added.
    Repeated,
    /// The catalogue does not have this part. Nothing was added.
    Unknown(PartId),
}

pub(super) async fn restock(pool: &Database, restock: Uuid, lines: &Lines, by: &Author) -> sqlx::Result<Restocked> {
    let (parts, quantities) = lines.columns();
    let outcome = sqlx::query!(
        r#"with requested as (
            select part_uuid, quantity
            from unnest($2::uuid[], $3::bigint[]) as requested (part_uuid, quantity)
        ), locked as materialized (
            select part_uuid
            from parts
            where part_uuid in (select part_uuid from requested)
            order by part_uuid
            for no key update
        ), unknown as (
            select part_uuid
            from requested
            where part_uuid not in (select part_uuid from locked)
        ), inserted as (
            insert into restocks (restock_uuid, decided_by)
            select $1, $4
            where not exists (select from unknown)
            on conflict do nothing
            returning restock_uuid
        ), items as (
            insert into restock_items (restock_uuid, part_uuid, quantity)
            select inserted.restock_uuid, requested.part_uuid, requested.quantity
            from inserted
            cross join requested
        ), stock as (
            update parts
            set restocked = parts.restocked + requested.quantity,
                available = parts.available + requested.quantity,
                updated_at = now()
            from inserted
            cross join requested
            where parts.part_uuid = requested.part_uuid
        )
        select (select part_uuid from unknown order by part_uuid limit 1) as "unknown: PartId",
            exists (select from inserted) as "is_new!""#,
        restock,
        &parts,
        &quantities,
        by.as_str(),
    )
    .fetch_one(pool)
    .await?;
    Ok(match outcome.unknown {
        Some(part) => Restocked::Unknown(part),
        None if outcome.is_new => Restocked::Added,
        None => Restocked::Repeated,
    })
}

/// Returns the lines of an earlier restock.
pub(super) async fn lines(pool: &Database, restock: Uuid) -> sqlx::Result<Lines> {
    let lines = sqlx::query!(
        r#"select part_uuid as "part_uuid: PartId", quantity
        from restock_items
        where restock_uuid = $1"#,
        restock,
    )
    .fetch_all(pool)
    .await?;
    Ok(lines.into_iter().map(|line| (line.part_uuid, line.quantity)).collect())
}
