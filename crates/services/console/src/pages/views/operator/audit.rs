//! The audit: the invariants over all databases and topics, in the words of `shipyard audit`.

use std::{borrow::Cow, sync::Arc};

use askama::Template;

use crate::{
    client::Audited,
    pages::{
        format::Moment,
        order::check_view,
        views::{
            layout::{Layout, Problem},
            receipt::CheckView,
        },
    },
    service::{Ended, Running},
};

/// The maximum numbers of lines of evidence per invariant, and of characters of the report, that are shown.
const MAX_EVIDENCE: usize = 25;
const MAX_REPORT_LENGTH: usize = 60_000;

#[derive(Template)]
#[template(path = "operator-audit.html")]
pub struct Audit {
    pub layout: Layout,
    pub running: Option<Running>,
    /// The last run that ended.
    pub last: Option<Arc<Ended<Audited>>>,
    pub problem: Option<Problem>,
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

    fn checks(&self) -> Vec<CheckView> {
        let checks = self.audited().map(|audited| audited.checks.as_slice()).unwrap_or_default();
        let shown = |check| {
            let mut view = check_view(check);
            let more = view.evidence.len().saturating_sub(MAX_EVIDENCE);
            view.evidence.truncate(MAX_EVIDENCE);
            view.evidence
                .extend((more > 0).then(|| format!("and {more} more; `shipyard audit --json` lists them all")));
            view
        };
        checks.iter().map(shown).collect()
    }

    fn report(&self) -> Cow<'_, str> {
        let report = self.audited().map(|audited| audited.report.as_str()).unwrap_or_default();
        match report.floor_char_boundary(MAX_REPORT_LENGTH) {
            end if end < report.len() => Cow::Owned(format!("{}\n… `shipyard audit` prints all of it", &report[..end])),
            _ => Cow::Borrowed(report),
        }
    }
}
