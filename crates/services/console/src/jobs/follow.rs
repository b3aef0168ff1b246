//! Feeds the open streams.

use platform::jobs::Job;

use crate::service::{Couriers, Live};

pub fn follow_timeline(live: Live) -> Job {
    Job::new("follow-timeline", |stop| live.follow(stop))
}

pub fn follow_couriers(couriers: Couriers) -> Job {
    Job::new("follow-couriers", |stop| couriers.follow(stop))
}
