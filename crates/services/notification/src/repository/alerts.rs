//! The contract of reported alerts: each is sent once, by whichever replica claims it.

use std::time::Duration;

use async_trait::async_trait;

use crate::{error::Error, model::AlertKey};

/// How long a claim lasts. It is longer than the messenger's calls take.
pub(super) const CLAIM_TTL: Duration = Duration::from_secs(15);

/// What has become of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The caller has to send it. `unanswered` is true if the messenger did not answer an earlier attempt.
    Ours { unanswered: bool },
    /// It has been sent.
    Sent,
    /// Another caller is sending it.
    Pending,
}

#[async_trait]
pub trait Alerts: Send + Sync {
    /// Claims those reports that have not been sent and that no replica is sending. Returns what has become of each, in their order. The keys must
    /// differ.
    async fn claim(&self, alerts: &[AlertKey]) -> Result<Vec<Claim>, Error>;
    /// Records that claimed reports have been sent.
    async fn sent(&self, alerts: &[AlertKey]) -> Result<(), Error>;
    /// Gives claims up, so that the next call sends these reports. `unanswered` says that the messenger may have accepted them.
    async fn release(&self, alerts: &[AlertKey], unanswered: bool) -> Result<(), Error>;
    /// Removes at most `limit` reports that came longer ago than `age`. Returns the number removed.
    async fn remove_old(&self, age: Duration, limit: i64) -> Result<u64, Error>;
}
