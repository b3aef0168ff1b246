//! The services: whether they are ready, and why not.

use askama::Template;

use crate::{
    model::ServiceState,
    pages::{
        format::Moment,
        views::layout::{Layout, Problem},
    },
};

#[derive(Template)]
#[template(path = "operator-services.html")]
pub struct Services {
    pub layout: Layout,
    pub services: Vec<ServiceState>,
    pub at: Moment,
    pub problem: Option<Problem>,
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
            (Some(_), _) => "no answer",
            (None, true) => "ready",
            (None, false) => "not ready",
        }
    }

    fn class(service: &ServiceState) -> &'static str {
        if service.is_ready { "fine" } else { "trouble" }
    }
}
