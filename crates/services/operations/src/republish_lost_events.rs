//! Republishes, at the start of the shop, events that a non-persistent broker lost before every consumer handled them.
//!
//! An event is republished if the inbox of a consumer has no row for it, or if the console's timeline lacks it.
//! Consumers that have handled it ignore the redelivery. Old outbox rows of handled events are deleted, because the
//! services' jobs delete the inbox rows of these events, too: without an inbox row, an event seems lost.
//!
//! As in `readers`, the statements are plain strings, because they run in every service's database.

use std::{collections::HashMap, time::Duration};

use contracts::events::{Consumer, Route, TIMELINE, producers, route_of};
use platform::postgres::Database;
use uuid::Uuid;

use crate::databases::Databases;

/// The batch size in outbox rows.
const BATCH_SIZE: i64 = 5_000;

#[derive(Default)]
struct Published {
    uuids: Vec<Uuid>,
    keys: Vec<Uuid>,
}

/// Clears the publication mark of every event that a consumer lacks, and returns their number. Deletes the outbox rows
/// of all other events that were published longer than `age` ago.
///
/// No service may run at the same time.
pub async fn republish(databases: &Databases, age: Duration) -> anyhow::Result<u64> {
    let mut count = 0;
    for producer in producers() {
        let outbox = databases.named(producer)?;
        let mut after = 0;
        while let Some((last, events)) = published(outbox, after).await? {
            after = last;
            for (kind, Published { uuids, keys }) in events {
                // A consumer without an inbox does not record which events it has handled, and may handle them again.
                let is_known = route_of(&kind).is_none_or(|route| route.inboxes() == route.consumers);
                let mut lost = if is_known { missing(databases, &kind, &uuids).await? } else { uuids.clone() };
                if route_of(&kind).is_some_and(Route::is_of_order) {
                    lost.extend(not_in_timeline(databases, &uuids, &keys).await?);
                }
                count += take_back(outbox, &lost).await?;
                remove_handled(outbox, &uuids, age).await?;
            }
        }
    }
    Ok(count)
}

/// Deletes the outbox rows of those `uuids` that are still marked as published, longer than `age` ago.
async fn remove_handled(outbox: &Database, uuids: &[Uuid], age: Duration) -> sqlx::Result<()> {
    let remove = sqlx::query(
        "delete from outbox
        where event_uuid = any($1) and published_at < now() - make_interval(secs => $2)",
    );
    remove.bind(uuids).bind(age.as_secs_f64()).execute(outbox).await?;
    Ok(())
}

/// Reads the next batch of published events after the row `after`. Returns the last row's id and the events by type;
/// `None` at the end.
async fn published(outbox: &Database, after: i64) -> sqlx::Result<Option<(i64, HashMap<String, Published>)>> {
    let rows = sqlx::query_as(
        "select id, event_uuid, event_type, key
        from outbox
        where id > $1 and published_at is not null
        order by id
        limit $2",
    );
    let rows: Vec<(i64, Uuid, String, Uuid)> = rows.bind(after).bind(BATCH_SIZE).fetch_all(outbox).await?;
    let Some(last) = rows.last().map(|(id, ..)| *id) else { return Ok(None) };
    let mut events: HashMap<String, Published> = HashMap::new();
    for (_, uuid, kind, key) in rows {
        let of_type = events.entry(kind).or_default();
        of_type.uuids.push(uuid);
        of_type.keys.push(key);
    }
    Ok(Some((last, events)))
}

/// Returns the `uuids` that at least one consumer with an inbox has not handled.
pub async fn missing(databases: &Databases, kind: &str, uuids: &[Uuid]) -> anyhow::Result<Vec<Uuid>> {
    let mut missing = Vec::new();
    for consumer in route_of(kind).map(Route::inboxes).unwrap_or_default() {
        missing.extend(missing_at(databases, consumer, uuids).await?);
    }
    missing.sort_unstable();
    missing.dedup();
    Ok(missing)
}

/// Returns the `uuids` that this consumer has not handled.
pub async fn missing_at(databases: &Databases, consumer: &Consumer, uuids: &[Uuid]) -> anyhow::Result<Vec<Uuid>> {
    let missing = sqlx::query_scalar(
        "select event_uuid
        from unnest($1::uuid[]) as published (event_uuid)
        where not exists (
            select from inbox where inbox.consumer = $2 and inbox.event_uuid = published.event_uuid)",
    );
    Ok(missing.bind(uuids).bind(consumer.group).fetch_all(databases.named(consumer.service)?).await?)
}

/// Returns the `uuids` that are missing in the console's timeline, which has no inbox. `keys` are their orders, for the
/// timeline's index.
async fn not_in_timeline(databases: &Databases, uuids: &[Uuid], keys: &[Uuid]) -> anyhow::Result<Vec<Uuid>> {
    let lacking = sqlx::query_scalar(
        "select event_uuid
        from unnest($1::uuid[], $2::uuid[]) as published (event_uuid, key)
        where not exists (
            select from timeline
            where timeline.order_uuid = published.key and timeline.event_uuid = published.event_uuid)",
    );
    Ok(lacking.bind(uuids).bind(keys).fetch_all(databases.named(TIMELINE.service)?).await?)
}

async fn take_back(outbox: &Database, uuids: &[Uuid]) -> sqlx::Result<u64> {
    if uuids.is_empty() {
        return Ok(0);
    }
    let take_back = sqlx::query("update outbox set published_at = null where event_uuid = any($1)");
    Ok(take_back.bind(uuids).execute(outbox).await?.rows_affected())
}
