//! Background jobs.

use platform::jobs::Job;

use crate::service::{LagHistory, LongActions};

/// Returns the jobs of every replica: one records the history of the lag, the other ends long actions when the service
/// stops.
pub fn all(lag: LagHistory, long_actions: LongActions) -> [Job; 2] {
    [Job::new("follow-lag", |stop| lag.follow(stop)), Job::new("end-long-actions", |stop| long_actions.follow(stop))]
}
