//! The contract of reported alerts: each report is sent once, by the replica that claims it.

use std::time::Duration;

use async_trait::async_trait;

use crate::{error::Error, model::AlertKey};

/// Longer than the messenger's calls take.
pub(super) const CLAIM_TTL: Duration = Duration::from_secs(15);

/// The state of a report after a call of [`Alerts::claim`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// This call has claimed the report; its caller must send it. `unanswered` is true if the messenger did not answer
    /// an earlier attempt.
    Ours {
        unanswered: bool,
    },
    Sent,
    /// Another caller is sending the report.
    Pending,
}

#[async_trait]
pub trait Alerts: Send + Sync {
    /// Claims the reports that are neither sent nor claimed. Returns the state of each report, in the order of
    /// `alerts`. The keys must differ.
    async fn claim(&self, alerts: &[AlertKey]) -> Result<Vec<Claim>, Error>;
    /// Records claimed reports as sent.
    async fn sent(&self, alerts: &[AlertKey]) -> Result<(), Error>;
    /// Ends the claims, so that the next call of `claim` gets these reports. `unanswered`: the messenger may have
    /// accepted them.
    async fn release(&self, alerts: &[AlertKey], unanswered: bool) -> Result<(), Error>;
    /// Removes at most `limit` reports that arrived longer ago than `age`. Returns the number removed.
    async fn remove_old(&self, age: Duration, limit: i64) -> Result<u64, Error>;
}
