//! Ends the operators' long actions when the service stops.

use platform::jobs::Job;

use crate::service::LongActions;

pub fn end_long_actions(actions: LongActions) -> Job {
    Job::new("end-long-actions", |stop| actions.follow(stop))
}
