//! Adds units to the stock of parts.

use contracts::ids::PartId;
use platform::postgres::Database;
use uuid::Uuid;

use crate::model::Lines;

/// Adds the lines to the stock. If the catalogue does not have one of the parts, it adds nothing and returns that part.
pub(super) async fn restock(pool: &Database, restock: Uuid, lines: &Lines) -> sqlx::Result<Option<PartId>> {
    let (parts, quantities) = lines.columns();
    sqlx::query_scalar!(
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
            insert into restocks (restock_uuid)
            select $1
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
        select part_uuid as "part_uuid!: PartId"
        from unknown
        order by part_uuid
        limit 1"#,
        restock,
        &parts,
        &quantities,
    )
    .fetch_optional(pool)
    .await
}
