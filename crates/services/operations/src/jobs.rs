//! Background jobs.

use platform::jobs::Job;

use crate::service::{LagHistory, LongActions};

/// The jobs of every replica: the lag's history, and the end of long actions at a stop.
pub fn all(lag: LagHistory, long_actions: LongActions) -> [Job; 2] {
    [Job::new("follow-lag", |stop| lag.follow(stop)), Job::new("end-long-actions", |stop| long_actions.follow(stop))]
}
