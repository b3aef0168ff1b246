//! Expires reservations that were not confirmed in time.

use platform::postgres::Database;

/// Expires at most `limit` reservations and returns their number. Concurrent calls are safe: only one of them changes a reservation.
pub(super) async fn expire(pool: &Database, limit: i64) -> sqlx::Result<u64> {
    let expired = sqlx::query_scalar!(
        r#"with due as (
            select order_uuid
            from reservations
            where status = 'held' and expires_at <= now()
            order by expires_at
            limit $1
        ), locked as materialized (
            select part_uuid
            from parts
            where part_uuid = any(array(
                select items.part_uuid
                from due
                cross join lateral (
                    select part_uuid from reservation_items where reservation_items.order_uuid = due.order_uuid offset 0
                ) as items
            ))
            order by part_uuid
            for no key update
        ), expired as (
            update reservations
            set status = 'expired', expires_at = null, updated_at = now()
            from due
            where reservations.order_uuid = due.order_uuid
                and reservations.status = 'held'
                and reservations.expires_at <= now()
                and (select count(*) > 0 from locked)
            returning reservations.order_uuid
        ), returned as (
            select items.part_uuid, sum(items.quantity)::bigint as quantity
            from expired
            cross join lateral (
                select part_uuid, quantity from reservation_items
                where reservation_items.order_uuid = expired.order_uuid
                offset 0
            ) as items
            group by items.part_uuid
        ), stock as (
            update parts
            set available = parts.available + returned.quantity,
                reserved = parts.reserved - returned.quantity,
                updated_at = now()
            from returned
            where parts.part_uuid = returned.part_uuid
        )
        select count(*) as "count!"
        from expired"#,
        limit,
    )
    .fetch_one(pool)
    .await?;
    Ok(expired.unsigned_abs())
}
