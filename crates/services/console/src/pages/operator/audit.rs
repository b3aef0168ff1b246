//! `GET /console/operator/audit`: the invariants over all databases and topics, in the words of `shipyard audit`.

use std::borrow::Cow;

use askama::Template;
use axum::{extract::State, response::Response};

use crate::{
    api::{Api, Visit, not_read},
    model::{Audited, Check, CheckState, Ended, Now, Running},
    pages::{
        format::Moment,
        frame::{Layout, layout, page},
        refusal::{Refusal, or_missing},
    },
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
    last: Option<Ended<Audited>>,
    problem: Option<Refusal>,
}

pub async fn show(State(api): State<Api>, visit: Visit) -> Response {
    let (layout, audits) = tokio::join!(layout(&api, &visit, "operator"), api.operations.audits());
    let (audits, status, problem) = or_missing(audits.map_err(|status| not_read("the audit", &status)));
    let Now { running, last } = audits;
    page(status, &Audit { layout, running, last, problem })
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
