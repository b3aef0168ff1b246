//! The timeline of an order: the drawing, and the same steps as a list.

use askama::Template;

use super::{
    drawing::Drawing,
    format::Span,
    steps::{StepView, views},
};
use crate::{
    model::{Step, counted},
    service::is_cut,
};

#[derive(Template)]
#[template(path = "timeline.html")]
pub struct Timeline {
    pub steps: Vec<StepView>,
    pub drawing: Drawing,
    /// True if no further steps will follow.
    pub is_finished: bool,
}

impl Timeline {
    /// `steps` are in the order of the list. `jaeger` is the address of Jaeger's page.
    pub fn new(steps: &[Step], jaeger: Option<&str>, is_finished: bool) -> Self {
        let steps = views(steps, jaeger);
        Self { drawing: Drawing::new(&steps), steps, is_finished }
    }

    pub fn since(&self, step: &StepView) -> Span {
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
