//! The outboxes: how many events wait to be published, and which replica publishes them.

use askama::Template;

use crate::{
    model::OutboxState,
    pages::{
        format::{Count, Moment, Span},
        views::layout::{Layout, Problem},
    },
};

/// The age in milliseconds from which an unpublished event is late: a relay publishes within a second.
const LATE_AFTER_MS: i64 = 10_000;

#[derive(Template)]
#[template(path = "operator-outbox.html")]
pub struct Outbox {
    pub layout: Layout,
    pub outboxes: Vec<OutboxState>,
    pub at: Moment,
    pub problem: Option<Problem>,
}

impl Outbox {
    /// The entry of the navigation for this page.
    const TAB: &'static str = "outbox";

    fn age(&self, outbox: &OutboxState) -> Option<Span> {
        Some(Span((self.at.0 - outbox.backlog.oldest?).num_milliseconds().max(0)))
    }

    fn is_late(&self, outbox: &OutboxState) -> bool {
        self.age(outbox).is_some_and(|age| age.0 > LATE_AFTER_MS)
    }
}
