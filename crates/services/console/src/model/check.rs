//! The lines of a receipt or an audit.

use contracts::proto::operations::v1;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckState {
    Held,
    /// Not known yet: work is under way, or a database does not respond.
    Open,
    Violated,
}

/// One line of a receipt or an audit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    pub invariant: String,
    pub text: String,
    pub state: CheckState,
    /// The rows and records that prove the invariant, or the row and reason of each violation.
    pub evidence: Vec<String>,
}

impl From<v1::CheckState> for CheckState {
    fn from(state: v1::CheckState) -> Self {
        match state {
            v1::CheckState::Held => Self::Held,
            v1::CheckState::Open | v1::CheckState::Unspecified => Self::Open,
            v1::CheckState::Violated => Self::Violated,
        }
    }
}

impl From<v1::Check> for Check {
    fn from(check: v1::Check) -> Self {
        let state = check.state().into();
        let v1::Check { invariant, text, evidence, .. } = check;
        Self { invariant, text, state, evidence }
    }
}
