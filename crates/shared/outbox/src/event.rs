//! Events, and how they are written into the outbox.

use std::collections::HashMap;

use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use crate::statements::{self, Tables};

/// An event for the outbox. Every field is a parameter of the statement that makes the change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The event id, see [`event_uuid`]. Writing the same event twice violates the table's unique key.
    pub uuid: Uuid,
    /// The event type, such as `events.v1.Something`. The relay maps it to a topic.
    pub kind: &'static str,
    /// The partition key. Events with the same key keep their order.
    pub key: Uuid,
    pub payload: Vec<u8>,
}

impl Event {
    /// Creates an event with a new id (UUID v7). For a change that is retried, derive the id with [`event_uuid`]
    /// instead, so that the retry cannot write a second event.
    #[expect(clippy::disallowed_methods, reason = "callers that need a fixed id set the field")]
    pub fn new(kind: &'static str, key: Uuid, payload: impl Into<Vec<u8>>) -> Self {
        Self { uuid: Uuid::now_v7(), kind, key, payload: payload.into() }
    }
}

/// Derives the id of an event of the type `kind` with the partition key `key`. `part` distinguishes the events of one
/// key and type if a key can have several.
pub fn event_uuid(key: Uuid, kind: &str, part: Option<&str>) -> Uuid {
    let name = part.map_or_else(|| kind.to_owned(), |part| format!("{kind}/{part}"));
    Uuid::new_v5(&key, name.as_bytes())
}

/// Writes an event in the caller's transaction. One round trip.
///
/// # Errors
///
/// Fails with a unique violation if the outbox has an event with this id.
pub async fn write(connection: &mut PgConnection, tables: &Tables, event: &Event) -> sqlx::Result<()> {
    write_all(connection, tables, std::slice::from_ref(event), &HashMap::new()).await
}

/// Writes events in the caller's transaction, in their order. `headers` are further headers of each record, such as the
/// trace context. One round trip.
///
/// # Errors
///
/// Like [`write()`].
#[expect(clippy::implicit_hasher, reason = "headers have one type, that of a record's")]
pub async fn write_all(
    connection: &mut PgConnection,
    tables: &Tables,
    events: &[Event],
    headers: &HashMap<String, String>,
) -> sqlx::Result<()> {
    let Columns { uuids, kinds, keys, payloads } = events.iter().cloned().collect();
    let query = statements::insert(&tables.outbox).query().bind(uuids).bind(kinds).bind(keys).bind(payloads);
    query.bind(Json(headers)).execute(connection).await?;
    Ok(())
}

/// Events as columns: array parameters of a statement that makes a change and writes its events in one round trip.
///
/// ```sql
/// with changed as (update orders set status = 'paid' where …),
///   event as (
///     select * from unnest($1::uuid[], $2::text[], $3::uuid[], $4::bytea[]) as event (uuid, kind, key, payload))
/// insert into outbox (event_uuid, event_type, key, payload, trace) select uuid, kind, key, payload, '{}' from event
/// ```
#[derive(Debug, Default)]
pub struct Columns {
    pub uuids: Vec<Uuid>,
    pub kinds: Vec<&'static str>,
    pub keys: Vec<Uuid>,
    pub payloads: Vec<Vec<u8>>,
}

impl FromIterator<Event> for Columns {
    fn from_iter<I: IntoIterator<Item = Event>>(events: I) -> Self {
        let mut columns = Self::default();
        for event in events {
            columns.uuids.push(event.uuid);
            columns.kinds.push(event.kind);
            columns.keys.push(event.key);
            columns.payloads.push(event.payload);
        }
        columns
    }
}
