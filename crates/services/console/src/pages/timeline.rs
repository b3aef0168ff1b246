//! The timeline of an order: the drawing, and the same steps as a list.

use std::sync::Arc;

use askama::Template;

use super::{
    drawing::Drawing,
    format::{Span, counted},
};
use crate::{client::Incident, model::Step, service::is_cut};

#[derive(Template)]
#[template(path = "timeline.html")]
pub struct Timeline {
    pub steps: Vec<Step>,
    /// The playground's incidents that may have affected the order.
    pub incidents: Vec<Incident>,
    pub drawing: Drawing,
    /// True if no further steps will follow.
    pub is_finished: bool,
    /// The address of Jaeger's page.
    jaeger: Option<Arc<str>>,
}

impl Timeline {
    /// `steps` are in the order of the list, and `incidents` in that of time.
    pub fn new(steps: Vec<Step>, mut incidents: Vec<Incident>, is_finished: bool, jaeger: Option<Arc<str>>) -> Self {
        let first = steps.iter().map(|step| step.at).min();
        let last = steps.iter().map(|step| step.detail.as_ref().map_or(step.at, |detail| detail.consumed_at)).max();
        let is_after_first = |one: &Incident| one.ended.is_none_or(|ended| Some(ended) >= first);
        incidents.retain(|one| is_after_first(one) && !(is_finished && Some(one.begun) > last));
        Self { drawing: Drawing::new(&steps, &incidents), steps, incidents, is_finished, jaeger }
    }

    /// Returns the page of a trace in Jaeger.
    pub fn trace_url(&self, trace: &str) -> Option<String> {
        Some(format!("{}/trace/{trace}", self.jaeger.as_ref()?.trim_end_matches('/')))
    }

    pub fn since(&self, step: &Step) -> Span {
        let first = self.steps.iter().map(|step| step.at).min().unwrap_or(step.at);
        Span(step.since(first))
    }

    /// Returns the time from the first step to the beginning of an incident.
    pub fn until(&self, incident: &Incident) -> Span {
        let first = self.steps.iter().map(|step| step.at).min().unwrap_or(incident.begun);
        Span((incident.begun - first).num_milliseconds().max(0))
    }

    /// Returns how long an incident lasted, such as `, for 5.0 s`.
    pub fn lasting(incident: &Incident) -> String {
        match incident.ended.map(|ended| (ended - incident.begun).num_milliseconds()) {
            None => ", and lasts".to_owned(),
            Some(0) => String::new(),
            Some(ms) => format!(", for {}", Span(ms)),
        }
    }

    /// Returns the numbers of steps and events, such as `16 steps, 8 events`, and whether later ones may be missing.
    pub fn counts(&self) -> String {
        let records = self.steps.iter().filter(|step| step.is_event());
        let events = records.clone().filter(|step| !step.is_repeat).count();
        let cut = if is_cut(records.count()) { "; later ones may be missing" } else { "" };
        format!("{}, {}{cut}", counted(self.steps.len(), "step"), counted(events, "event"))
    }

    pub fn length(&self) -> Span {
        self.steps.iter().map(|step| self.since(step)).max_by_key(|span| span.0).unwrap_or_default()
    }
}
