//! The timeline of an order: the drawing, and the same steps as a list.

use std::sync::Arc;

use askama::Template;

use super::{
    drawing::Drawing,
    format::{Span, counted},
};
use crate::{model::Step, service::is_cut};

#[derive(Template)]
#[template(path = "timeline.html")]
pub struct Timeline {
    pub steps: Vec<Step>,
    pub drawing: Drawing,
    /// True if no further steps will follow.
    pub is_finished: bool,
    /// The address of Jaeger's page.
    jaeger: Option<Arc<str>>,
}

impl Timeline {
    /// `steps` are in the order of the list.
    pub fn new(steps: Vec<Step>, is_finished: bool, jaeger: Option<Arc<str>>) -> Self {
        Self { drawing: Drawing::new(&steps), steps, is_finished, jaeger }
    }

    /// Returns the page of a trace in Jaeger.
    pub fn trace_url(&self, trace: &str) -> Option<String> {
        Some(format!("{}/trace/{trace}", self.jaeger.as_ref()?.trim_end_matches('/')))
    }

    pub fn since(&self, step: &Step) -> Span {
        let first = self.steps.iter().map(|step| step.at).min().unwrap_or(step.at);
        Span(step.since(first))
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
