//! The id of an event. It is derived from the event's key and type, so recording the same event again yields the same
//! id.

use uuid::Uuid;

/// Derives the id of an event of the type `kind` with the partition key `key`. `part` distinguishes the events of one
/// key and type if a key can have several.
pub fn event_uuid(key: Uuid, kind: &str, part: Option<&str>) -> Uuid {
    let name = part.map_or_else(|| kind.to_owned(), |part| format!("{kind}/{part}"));
    Uuid::new_v5(&key, name.as_bytes())
}
