//! `GET /console/operator/services`: whether the services are ready, and why not. `/outbox`: how many events wait to be
//! published, and which replica publishes them.

use askama::Template;
use axum::{extract::State, response::Response};
use platform::clock;

use crate::{
    api::{Api, Visit, not_read},
    model::{OutboxState, ServiceState},
    pages::{
        format::{Count, Moment, Span},
        frame::{Layout, layout, page},
        refusal::{Refusal, or_missing},
    },
};

/// From this age in milliseconds on, an unpublished event is late: a relay publishes within a second.
const LATE_AFTER_MS: i64 = 10_000;

#[derive(Template)]
#[template(path = "operator-services.html")]
struct Services {
    layout: Layout,
    services: Vec<ServiceState>,
    at: Moment,
    problem: Option<Refusal>,
}

pub async fn show(State(api): State<Api>, visit: Visit) -> Response {
    let (layout, services) = tokio::join!(layout(&api, &visit, "operator"), api.operations.services());
    let (services, status, problem) = or_missing(services.map_err(|status| not_read("the services", &status)));
    page(status, &Services { layout, services, at: Moment(clock::now()), problem })
}

impl Services {
    /// The entry of the navigation for this page.
    const TAB: &'static str = "services";

    fn verdict(&self) -> String {
        let all = self.services.len();
        match self.services.iter().filter(|service| !service.is_ready).count() {
            0 => format!("All {all} are ready"),
            trouble => format!("{trouble} of {all} not ready"),
        }
    }

    fn word(service: &ServiceState) -> &'static str {
        match (&service.error, service.is_ready) {
            (Some(_), _) => "no response",
            (None, true) => "ready",
            (None, false) => "not ready",
        }
    }

    fn class(service: &ServiceState) -> &'static str {
        if service.is_ready { "fine" } else { "trouble" }
    }
}

#[derive(Template)]
#[template(path = "operator-outbox.html")]
struct Outbox {
    layout: Layout,
    outboxes: Vec<OutboxState>,
    at: Moment,
    problem: Option<Refusal>,
}

pub async fn outbox(State(api): State<Api>, visit: Visit) -> Response {
    let (layout, outboxes) = tokio::join!(layout(&api, &visit, "operator"), api.operations.outboxes());
    let (outboxes, status, problem) = or_missing(outboxes.map_err(|status| not_read("the outboxes", &status)));
    page(status, &Outbox { layout, outboxes, at: Moment(clock::now()), problem })
}

impl Outbox {
    /// The entry of the navigation for this page.
    const TAB: &'static str = "outbox";

    fn age(&self, outbox: &OutboxState) -> Option<Span> {
        Some(Span((self.at.0 - outbox.oldest?).num_milliseconds().max(0)))
    }

    fn is_late(&self, outbox: &OutboxState) -> bool {
        self.age(outbox).is_some_and(|age| age.0 > LATE_AFTER_MS)
    }
}
