//! Steps of an order's timeline, as the pages show them.

use std::ops::Deref;

use chrono::{DateTime, Utc};
use contracts::events::route_of;
use serde_json::Value;

use super::{
    format::{Moment, Span},
    words,
};
use crate::model::{
    Kind, Step,
    event::{self, Words},
};

/// An event in a topic, or a state that a service reported.
#[derive(Clone, Debug)]
pub struct StepView {
    pub step: Step,
    pub trace_url: Option<String>,
    /// Milliseconds since the order's first step, like the next two fields.
    pub committed_ms: Option<i64>,
    pub published_ms: Option<i64>,
    /// When the console read the event.
    pub consumed_ms: Option<i64>,
    /// The services that consume this type of event.
    pub consumers: Vec<&'static str>,
    pub payload: Vec<(String, String)>,
    pub headers: Vec<(String, String)>,
}

/// Returns the views of an order's steps, in the same order. `jaeger` is the address of Jaeger's page.
pub fn views(steps: &[Step], jaeger: Option<&str>) -> Vec<StepView> {
    let first = steps.iter().map(|step| step.at).min();
    steps.iter().map(|step| view(step, first.unwrap_or(step.at), jaeger)).collect()
}

fn view(step: &Step, first: DateTime<Utc>, jaeger: Option<&str>) -> StepView {
    let since = |member: &str| {
        let at = step.detail[member].as_str().and_then(|at| DateTime::parse_from_rfc3339(at).ok())?;
        Some((at.to_utc() - first).num_milliseconds())
    };
    let trace = step.trace_id.as_ref().zip(jaeger);
    let route = route_of(&format!("events.v1.{}", step.name)).filter(|_| step.kind == Kind::Event);
    StepView {
        trace_url: trace.map(|(trace, jaeger)| format!("{}/trace/{trace}", jaeger.trim_end_matches('/'))),
        committed_ms: since("committed_at"),
        published_ms: since("published_at"),
        consumed_ms: since("consumed_at"),
        consumers: route.map(|route| route.consumers).unwrap_or_default().iter().map(|one| one.service).collect(),
        payload: members(&step.detail["payload"]),
        headers: members(&step.detail["headers"]),
        step: step.clone(),
    }
}

fn members(value: &Value) -> Vec<(String, String)> {
    let members = value.as_object().into_iter().flatten();
    members
        .map(|(name, value)| (name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
        .collect()
}

impl Deref for StepView {
    type Target = Step;

    fn deref(&self) -> &Step {
        &self.step
    }
}

impl StepView {
    pub fn is_event(&self) -> bool {
        self.kind == Kind::Event
    }

    pub fn moment(&self) -> Moment {
        Moment(self.at)
    }

    fn member(&self, name: &str) -> Option<&str> {
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

    /// The name of a state or event, short enough for the drawing.
    pub fn title(&self) -> String {
        let Step { service, name, .. } = &**self;
        let title = self.words().map(|words| words.title).or_else(|| event::state_title(service, name));
        title.map_or_else(|| spaced(name), str::to_owned)
    }

    /// What a step means, for a reader who does not know the system.
    pub fn sentence(&self) -> String {
        if self.is_repeat {
            let readers = match self.consumers.split_last() {
                None => String::new(),
                Some((last, [])) => (*last).to_owned(),
                Some((last, others)) => format!("{} and {last}", others.join(", ")),
            };
            return format!(
                "The same event was published again. It has the same id, so {readers} did nothing a second time."
            );
        }
        let what = match self.name.as_str() {
            "PENDING_PAYMENT" => "The shop waits for the payment.",
            _ if self.is_event() && self.detail["payload"].is_null() => "This record could not be decoded.",
            _ => self.words().map_or("", |words| words.sentence),
        };
        what.to_owned()
    }

    /// The colour of a step: of trouble, or of its service.
    pub fn class(&self) -> &'static str {
        let name = self.name.as_str();
        let status = self.member("status").unwrap_or(name);
        let is_trouble = matches!(status, "FAILED" | "INSUFFICIENT_FUNDS" | "DECLINED" | "CANCELLED" | "DEAD_LETTER")
            || matches!(name, "OrderCancelled" | "AssemblyFailed");
        if is_trouble { "trouble" } else { words::class(self.service) }
    }

    fn words(&self) -> Option<Words> {
        event::words(&self.name, |member| self.member(member))
    }
}

/// Returns the type of an event as words: `ShipAssembled` is "Ship assembled". Other names stay as they are.
fn spaced(name: &str) -> String {
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && words.ends_with(|before: char| before.is_ascii_lowercase()) {
            words.push(' ');
            words.push(letter.to_ascii_lowercase());
        } else {
            words.push(letter);
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn event(place: i64, name: &str) -> Step {
        Step {
            place,
            is_repeat: false,
            at: DateTime::UNIX_EPOCH,
            kind: Kind::Event,
            service: "order",
            name: name.to_owned(),
            topic: Some("order.paid".to_owned()),
            partition: Some(0),
            offset: Some(place),
            event_uuid: Some(Uuid::from_u128(1)),
            trace_id: Some("abc".to_owned()),
            detail: json!({"published_at": "1970-01-01T00:00:00.020Z", "payload": {"deliver": true, "user_uuid": "u"}}),
        }
    }

    #[test]
    fn an_event_names_its_readers_once_and_links_to_its_trace() {
        let [view] = <[_; 1]>::try_from(views(&[event(0, "OrderPaid")], Some("http://jaeger/"))).unwrap();

        let consumers = route_of("events.v1.OrderPaid").unwrap().consumers.iter().map(|consumer| consumer.service);
        assert!(
            view.consumers.contains(&"assembly") && consumers.eq(view.consumers.iter().copied()),
            "{:?}",
            view.consumers
        );
        assert_eq!(view.trace_url.as_deref(), Some("http://jaeger/trace/abc"));
        assert_eq!(view.published_ms, Some(20));
        assert_eq!((view.member("deliver"), view.member("user_uuid")), (Some("true"), Some("u")));
    }

    #[test]
    fn a_record_that_is_no_message_says_so() {
        let broken = Step { detail: json!({"payload": null}), ..event(0, "Unheard") };

        assert!(views(&[broken], None)[0].sentence().contains("could not be decoded"));
    }

    #[test]
    fn an_event_without_words_of_its_own_has_those_of_its_type() {
        for (name, words) in [("ShipAssembled", "Ship assembled"), ("PENDING_PAYMENT", "PENDING_PAYMENT"), ("", "")] {
            assert_eq!(spaced(name), words);
        }
    }
}
