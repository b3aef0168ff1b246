//! Adding stock.

use platform::postgres::Database;
use uuid::Uuid;

use crate::model::Lines;

/// Answers a part that is not known, in which case nothing is added.
pub(super) async fn restock(pool: &Database, restock: Uuid, lines: &Lines) -> sqlx::Result<Option<Uuid>> {
    let (parts, quantities) = lines.columns();
    sqlx::query_scalar!(
        r#"with wanted as (
            select part_uuid, quantity
            from unnest($2::uuid[], $3::bigint[]) as wanted (part_uuid, quantity)
        ), locked as materialized (
            select part_uuid
            from parts
            where part_uuid in (select part_uuid from wanted)
            order by part_uuid
            for no key update
        ), unknown as (
            select part_uuid
            from wanted
            where part_uuid not in (select part_uuid from locked)
        ), fresh as (
            insert into restocks (restock_uuid)
            select $1
            where not exists (select from unknown)
            on conflict do nothing
            returning restock_uuid
        ), items as (
            insert into restock_items (restock_uuid, part_uuid, quantity)
            select fresh.restock_uuid, wanted.part_uuid, wanted.quantity
            from fresh
            cross join wanted
        ), stock as (
            update parts
            set restocked = parts.restocked + wanted.quantity,
                available = parts.available + wanted.quantity,
                updated_at = now()
            from fresh
            cross join wanted
            where parts.part_uuid = wanted.part_uuid
        )
        select part_uuid as "part_uuid!"
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
