//! The steps of an order's timeline: each record is an event, and every event of an order begins a state.

use chrono::{DateTime, Utc};
use contracts::events::route_of;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Record, event::state};

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
    /// For an event, its times, decoded payload and headers; for a state, null.
    pub detail: Value,
}

impl Step {
    /// Returns the record's event, and the state that begins with it. A state begins with the first record of its event.
    pub fn from_record(Record { place, is_repeat, record }: Record) -> impl Iterator<Item = Self> {
        let begun = state(&record.kind, &record.payload).filter(|_| !is_repeat).map(|state| Self {
            place: place * 2 + 1,
            is_repeat,
            at: record.committed_at,
            kind: Kind::State,
            service: state.service,
            name: state.name,
            topic: None,
            partition: None,
            offset: None,
            event_uuid: record.event,
            trace_id: record.trace.clone(),
            detail: Value::Null,
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
            detail: json!({
                "committed_at": record.committed_at,
                "published_at": record.published_at,
                "consumed_at": record.consumed_at,
                "payload": record.payload,
                "headers": record.headers,
            }),
        };
        [Some(event), begun].into_iter().flatten()
    }
}
