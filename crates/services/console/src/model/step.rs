//! The steps of an order's timeline: each record is an event, and every event of an order begins a state.

use chrono::{DateTime, Utc};
use contracts::events::route_of;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::Record;

/// The states that begin with an event of one type: the event, the service that keeps the state, and its name. Any
/// other event begins no state.
const STATES: &[(&str, &str, &str)] = &[
    ("OrderCreated", "order", "PENDING_PAYMENT"),
    ("OrderPaid", "order", "PAID"),
    ("ShipAssembled", "order", "ASSEMBLED"),
    ("AssemblyFailed", "assembly", "FAILED"),
    ("OrderCancelled", "order", "CANCELLED"),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Event,
    State,
}

/// One step of a timeline, in the form of the API.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// The step's place among all steps. A later place was committed later.
    #[serde(skip)]
    pub place: i64,
    /// True if an earlier record has the same event.
    #[serde(skip)]
    pub is_repeat: bool,
    pub at: DateTime<Utc>,
    pub kind: Kind,
    /// The service that wrote the event, or that keeps the state.
    pub service: &'static str,
    /// The event's type without its package, or the state.
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_uuid: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// `None` for a state.
    pub detail: Option<Detail>,
}

/// The data of an event's record, except its place.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Detail {
    pub committed_at: DateTime<Utc>,
    pub published_at: DateTime<Utc>,
    pub consumed_at: DateTime<Utc>,
    /// The decoded message; null if it could not be decoded.
    pub payload: Value,
    pub headers: Value,
}

impl Step {
    /// Returns the record's event, and the state that begins with it. A state begins with the first record of its
    /// event.
    pub fn from_record(Record { place, is_repeat, record }: Record) -> impl Iterator<Item = Self> {
        let begun = state(&record.kind, &record.payload).filter(|_| !is_repeat).map(|(service, name)| Self {
            place: place * 2 + 1,
            is_repeat,
            at: record.committed_at,
            kind: Kind::State,
            service,
            name,
            topic: None,
            partition: None,
            offset: None,
            event_uuid: record.event,
            trace_id: record.trace.clone(),
            detail: None,
        });
        let name = record.kind.rsplit('.').next().unwrap_or_default();
        let event = Self {
            place: place * 2,
            is_repeat,
            at: record.committed_at,
            kind: Kind::Event,
            service: route_of(&record.kind).map_or("unknown", |route| route.producer),
            name: if name.is_empty() { record.topic.clone() } else { name.to_owned() },
            topic: Some(record.topic),
            partition: Some(record.partition),
            offset: Some(record.offset),
            event_uuid: record.event,
            trace_id: record.trace,
            detail: Some(Detail {
                committed_at: record.committed_at,
                published_at: record.published_at,
                consumed_at: record.consumed_at,
                payload: record.payload,
                headers: record.headers,
            }),
        };
        [Some(event), begun].into_iter().flatten()
    }
}

/// Returns the state that begins with an event of the type `kind`: the service that keeps it, and its name.
fn state(kind: &str, payload: &Value) -> Option<(&'static str, String)> {
    let route = route_of(kind)?;
    let event = kind.strip_prefix("events.v1.")?;
    if let Some((_, service, name)) = STATES.iter().copied().find(|(own, ..)| *own == event) {
        return Some((service, name.to_owned()));
    }
    // For these two events, the state is the status in the payload.
    let name = payload["status"].as_str().unwrap_or_default().to_owned();
    matches!(event, "PaymentCompleted" | "DeliveryStatusUpdated").then_some((route.producer, name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_state_begins_with_an_event_of_the_catalogue() {
        for (event, service, name) in STATES.iter().copied() {
            let begun = state(&format!("events.v1.{event}"), &json!({}));
            assert_eq!(begun, Some((service, name.to_owned())), "{event}");
        }
        let of_status = |kind| state(kind, &json!({"status": "FAILED"})).map(|(service, _)| service);
        assert_eq!(of_status("events.v1.PaymentCompleted"), Some("payment"));
        assert_eq!(of_status("events.v1.DeliveryStatusUpdated"), Some("delivery"));
        assert_eq!(of_status("events.v1.Unheard"), None);
    }
}
