//! The id of an event: derived from its key and type, so that recording the same event again yields the same id.

use uuid::Uuid;

/// The uuid of an event of the type `kind` with this partition key: the same however often the event is written. `part`
/// distinguishes the events of one key and type, where a key can have several.
pub fn event_uuid(key: Uuid, kind: &str, part: Option<&str>) -> Uuid {
    let name = part.map_or_else(|| kind.to_owned(), |part| format!("{kind}/{part}"));
    Uuid::new_v5(&key, name.as_bytes())
}
