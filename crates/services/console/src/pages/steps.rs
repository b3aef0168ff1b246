//! Steps of an order's timeline, as the pages show them.

use chrono::{DateTime, Utc};
use contracts::events::route_of;
use serde_json::Value;

use super::{
    format::{Moment, Span},
    words,
};
use crate::model::{Kind, Step};

static NULL: Value = Value::Null;

impl Step {
    pub fn is_event(&self) -> bool {
        self.kind == Kind::Event
    }

    pub fn moment(&self) -> Moment {
        Moment(self.at)
    }

    /// Returns the services that consume this type of event.
    pub fn consumers(&self) -> Vec<&'static str> {
        let route = route_of(&format!("events.v1.{}", self.name)).filter(|_| self.is_event());
        route.map(|route| route.consumers).unwrap_or_default().iter().map(|consumer| consumer.service).collect()
    }

    /// Returns the milliseconds since the order's first step.
    pub fn since(&self, first: DateTime<Utc>) -> i64 {
        (self.at - first).num_milliseconds()
    }

    /// Returns the time from the commit to the record in Kafka.
    pub fn publication(&self) -> Option<Span> {
        let detail = self.detail.as_ref()?;
        Some(Span((detail.published_at - detail.committed_at).num_milliseconds()))
    }

    /// Returns the time from the record in Kafka to its arrival at the console.
    pub fn consumption(&self) -> Option<Span> {
        let detail = self.detail.as_ref()?;
        Some(Span((detail.consumed_at - detail.published_at).num_milliseconds()))
    }

    /// Returns the decoded message; null for a state, and for a record that could not be decoded.
    pub fn payload(&self) -> &Value {
        self.detail.as_ref().map_or(&NULL, |detail| &detail.payload)
    }

    pub fn fields(&self) -> Vec<(&str, String)> {
        members(self.payload())
    }

    pub fn headers(&self) -> Vec<(&str, String)> {
        members(self.detail.as_ref().map_or(&NULL, |detail| &detail.headers))
    }

    /// The name of a state or event, short enough for the drawing.
    pub fn title(&self) -> String {
        match words::event(&self.name, self.payload()) {
            Some((title, _)) => title.to_owned(),
            None if self.is_event() => spaced(&self.name),
            None => words::state(self.service, &self.name).to_owned(),
        }
    }

    /// Returns the meaning of a step for a reader who does not know the system.
    pub fn sentence(&self) -> String {
        if self.is_repeat {
            let readers = match self.consumers().split_last() {
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
            _ if self.is_event() && self.payload().is_null() => "This record could not be decoded.",
            name => words::event(name, self.payload()).map_or("", |(_, sentence)| sentence),
        };
        what.to_owned()
    }

    /// The colour of a step: the colour of failures, or that of its service.
    pub fn class(&self) -> &'static str {
        let name = self.name.as_str();
        let status = self.payload()["status"].as_str().unwrap_or(name);
        let is_trouble = matches!(status, "FAILED" | "INSUFFICIENT_FUNDS" | "DECLINED" | "CANCELLED" | "DEAD_LETTER")
            || matches!(name, "OrderCancelled" | "AssemblyFailed");
        if is_trouble { "trouble" } else { words::class(self.service) }
    }
}

fn members(value: &Value) -> Vec<(&str, String)> {
    let members = value.as_object().into_iter().flatten();
    members
        .map(|(name, value)| (name.as_str(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
        .collect()
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
    use super::*;

    #[test]
    fn an_event_without_words_of_its_own_has_those_of_its_type() {
        for (name, words) in [("ShipAssembled", "Ship assembled"), ("PENDING_PAYMENT", "PENDING_PAYMENT"), ("", "")] {
            assert_eq!(spaced(name), words);
        }
    }
}
