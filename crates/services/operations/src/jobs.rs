//! Background jobs.

use std::{sync::Arc, time::Duration};

use outbox::MemoryLease;
use platform::jobs::Job;

use crate::service::{Checkpoints, LagHistory, LongActions};

/// How often a job looks whether the log of actions has to be signed.
const SIGNATURE_INTERVAL: Duration = Duration::from_mins(1);

/// Returns the jobs of every replica: one records the history of the lag, the other ends long actions when the service
/// stops.
pub fn all(lag: LagHistory, long_actions: LongActions) -> [Job; 2] {
    [Job::new("follow-lag", |stop| lag.follow(stop)), Job::new("end-long-actions", |stop| long_actions.follow(stop))]
}

/// Signs the log of operators' actions, in every replica: the database says when, and keeps one signature.
pub fn sign_actions(checkpoints: Checkpoints) -> Job {
    let name = "sign-actions";
    Job::periodic(name, Arc::new(MemoryLease::new(name)), SIGNATURE_INTERVAL, move || {
        let checkpoints = checkpoints.clone();
        async move { checkpoints.sign().await }
    })
}
