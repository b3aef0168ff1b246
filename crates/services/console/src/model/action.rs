//! Actions of operators: those that run, those that have ended, and their log.

use chrono::{DateTime, Utc};
use contracts::proto::operations::v1;
use platform::grpc::time;
use serde::Serialize;

use super::check::Check;

/// The running long action of a kind, if there is one, and the last one that ended, with its result.
#[derive(Clone, Debug, Serialize)]
pub struct Now<T> {
    pub running: Option<Running>,
    pub last: Option<Ended<T>>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Running {
    /// The title of the action, such as `Replaying dead letters`.
    pub title: String,
    pub since: DateTime<Utc>,
    /// The current step of the action.
    pub step: String,
    /// The number of items that are done, out of `total`. Both are 0 while the action counts no items.
    pub done: u64,
    pub total: u64,
}

#[derive(Clone, Debug, Serialize)]
pub struct Ended<T> {
    pub title: String,
    pub at: DateTime<Utc>,
    pub result: Result<T, String>,
}

/// The result of an audit.
#[derive(Clone, Debug, Serialize)]
pub struct Audited {
    /// True if every invariant was checked and holds.
    pub holds: bool,
    pub summary: String,
    /// The output of `shipyard audit`.
    pub report: String,
    pub checks: Vec<Check>,
}

/// A row of the log. An action has one row for its start and one for its end.
#[derive(Clone, Debug, Serialize)]
pub struct Action {
    pub at: DateTime<Utc>,
    pub operator_uuid: String,
    pub action: String,
    pub subject: String,
    /// `begun` in the row that records the start of an action.
    pub result: String,
}

impl<T> Default for Now<T> {
    fn default() -> Self {
        Self { running: None, last: None }
    }
}

impl From<v1::Running> for Running {
    fn from(running: v1::Running) -> Self {
        let v1::Running { title, since, step, done, total } = running;
        Self { title, since: since.as_ref().and_then(time).unwrap_or_default(), step, done, total }
    }
}

/// The result of an action on dead letters is a list of sentences.
impl From<v1::EndedLetterWork> for Ended<Vec<String>> {
    fn from(ended: v1::EndedLetterWork) -> Self {
        let v1::EndedLetterWork { title, at, error, sentences } = ended;
        Self { title, at: at.as_ref().and_then(time).unwrap_or_default(), result: error.map_or(Ok(sentences), Err) }
    }
}

impl From<v1::LetterWork> for Now<Vec<String>> {
    fn from(work: v1::LetterWork) -> Self {
        Self { running: work.running.map(Into::into), last: work.last.map(Into::into) }
    }
}

impl From<v1::EndedAudit> for Ended<Audited> {
    fn from(ended: v1::EndedAudit) -> Self {
        let v1::EndedAudit { title, at, error, audited } = ended;
        let result = audited.map(Audited::from).ok_or_else(|| error.unwrap_or_default());
        Self { title, at: at.as_ref().and_then(time).unwrap_or_default(), result }
    }
}

impl From<v1::AuditWork> for Now<Audited> {
    fn from(work: v1::AuditWork) -> Self {
        Self { running: work.running.map(Into::into), last: work.last.map(Into::into) }
    }
}

impl From<v1::Audited> for Audited {
    fn from(audited: v1::Audited) -> Self {
        let v1::Audited { holds, summary, report, checks } = audited;
        Self { holds, summary, report, checks: checks.into_iter().map(Check::from).collect() }
    }
}

impl From<v1::Action> for Action {
    fn from(row: v1::Action) -> Self {
        let v1::Action { at, operator_uuid, action, subject, result } = row;
        Self { at: at.as_ref().and_then(time).unwrap_or_default(), operator_uuid, action, subject, result }
    }
}
