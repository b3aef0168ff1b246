//! A step of an order's timeline, as the pages show it.

use chrono::{DateTime, Utc};

use super::format::{Moment, Span};

/// An event in a topic, or a state that a service reported.
#[derive(Clone, Debug)]
pub struct StepView {
    pub at: DateTime<Utc>,
    pub is_event: bool,
    /// The producer of the event, or the owner of the state.
    pub service: String,
    /// The event's type without its package, or the state.
    pub name: String,
    pub topic: Option<String>,
    pub partition: Option<i32>,
    pub offset: Option<i64>,
    pub event_uuid: Option<String>,
    pub trace_id: Option<String>,
    pub trace_url: Option<String>,
    /// Milliseconds since the order's first step, like the next two fields.
    pub committed_ms: Option<i64>,
    pub published_ms: Option<i64>,
    /// When the console read the event.
    pub consumed_ms: Option<i64>,
    /// The services that consume this type of event.
    pub consumers: Vec<String>,
    pub payload: Vec<(String, String)>,
    pub headers: Vec<(String, String)>,
    /// True if the event was published before, so that consumers skip it.
    pub is_repeat: bool,
    /// A further sentence about the step.
    pub note: Option<String>,
}

/// The subject of a step. Each has a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    Plain,
    Money,
    Goods,
    Messages,
    Trouble,
}

impl Meaning {
    pub fn class(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Money => "money",
            Self::Goods => "goods",
            Self::Messages => "messages",
            Self::Trouble => "trouble",
        }
    }
}

impl StepView {
    pub fn moment(&self) -> Moment {
        Moment(self.at)
    }

    pub fn member(&self, name: &str) -> Option<&str> {
        self.payload.iter().find(|(member, _)| member == name).map(|(_, value)| value.as_str())
    }

    /// Returns the time from the commit to the record in Kafka.
    pub fn publication(&self) -> Option<Span> {
        Some(Span(self.published_ms? - self.committed_ms?))
    }

    /// Returns the time from the record in Kafka to its arrival at the console.
    pub fn consumption(&self) -> Option<Span> {
        Some(Span(self.consumed_ms? - self.published_ms?))
    }

    /// Milliseconds since the order's first step.
    pub fn since(&self, first: DateTime<Utc>) -> i64 {
        self.committed_ms.unwrap_or_else(|| (self.at - first).num_milliseconds())
    }

    /// The services that consume the event, as a list in a sentence.
    pub fn readers(&self) -> String {
        match self.consumers.split_last() {
            None => String::new(),
            Some((last, [])) => last.clone(),
            Some((last, others)) => format!("{} and {last}", others.join(", ")),
        }
    }
}
