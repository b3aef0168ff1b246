//! `GET /console/operator/audit`: the invariants over all databases and topics, in the words of `shipyard audit`.

use std::{borrow::Cow, sync::Arc};

use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};

use crate::{
    api::{Api, Visit},
    client::{Audited, Check, CheckState},
    pages::{
        format::Moment,
        frame::{Layout, layout, page},
        refusal::Refusal,
    },
    service::{Ended, Now, Running},
};

/// The maximum numbers of lines of evidence per invariant, and of characters of the report, that are shown.
const MAX_EVIDENCE: usize = 25;
const MAX_REPORT_LENGTH: usize = 60_000;

#[derive(Template)]
#[template(path = "operator-audit.html")]
struct Audit {
    layout: Layout,
    running: Option<Running>,
    /// The last run that ended.
    last: Option<Arc<Ended<Audited>>>,
    problem: Option<Refusal>,
}

pub async fn show(State(api): State<Api>, visit: Visit) -> Response {
    let layout = layout(&api, &visit, "operator").await;
    let Now { running, last } = api.audits.now();
    page(StatusCode::OK, &Audit { layout, running, last, problem: None })
}

impl Audit {
    /// The entry of the navigation for this page.
    const TAB: &'static str = "audit";

    fn audited(&self) -> Option<&Audited> {
        self.last.as_ref()?.result.as_ref().ok()
    }

    fn ended(&self) -> Moment {
        Moment(self.last.as_ref().map(|last| last.at).unwrap_or_default())
    }

    fn checks(&self) -> &[Check] {
        self.audited().map(|audited| audited.checks.as_slice()).unwrap_or_default()
    }

    /// Returns the lines of evidence that are shown, and the number of the others.
    fn evidence(check: &Check) -> (&[String], usize) {
        let shown = check.evidence.len().min(MAX_EVIDENCE);
        (&check.evidence[..shown], check.evidence.len() - shown)
    }

    fn is_open(check: &Check) -> bool {
        check.state == CheckState::Open
    }

    fn report(&self) -> Cow<'_, str> {
        let report = self.audited().map(|audited| audited.report.as_str()).unwrap_or_default();
        match report.floor_char_boundary(MAX_REPORT_LENGTH) {
            end if end < report.len() => Cow::Owned(format!("{}\n… `shipyard audit` prints all of it", &report[..end])),
            _ => Cow::Borrowed(report),
        }
    }
}
