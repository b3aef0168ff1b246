//! The contract of reported alerts: each is sent once, by whichever replica claims it.

use std::time::Duration;

use async_trait::async_trait;

use crate::{error::Error, model::AlertKey};

/// How long a claim lasts. It is longer than the messenger's calls take.
pub(super) const CLAIM_TTL: Duration = Duration::from_secs(15);

/// The state of a report after a call of [`Alerts::claim`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// This call has claimed the report, and its caller must send it. `unanswered` is true if the messenger did not answer an earlier
    /// attempt.
    Ours { unanswered: bool },
    /// The report has been sent.
    Sent,
    /// Another caller is sending the report.
    Pending,
}

#[async_trait]
pub trait Alerts: Send + Sync {
    /// Claims those reports that have not been sent and that no replica is sending. Returns the state of each report, in the order of
    /// `alerts`. The keys must differ.
    async fn claim(&self, alerts: &[AlertKey]) -> Result<Vec<Claim>, Error>;
    /// Records that claimed reports have been sent.
    async fn sent(&self, alerts: &[AlertKey]) -> Result<(), Error>;
    /// Ends claims, so that the next call of `claim` gets these reports. `unanswered` is true if the messenger may have accepted them.
    async fn release(&self, alerts: &[AlertKey], unanswered: bool) -> Result<(), Error>;
    /// Removes at most `limit` reports that arrived longer ago than `age`. Returns the number removed.
    async fn remove_old(&self, age: Duration, limit: i64) -> Result<u64, Error>;
}
