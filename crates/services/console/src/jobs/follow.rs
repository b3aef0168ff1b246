//! Sends new steps of orders and moves of couriers to the open event streams (SSE), and records the lag of the shop's consumers.

use platform::jobs::Job;

use crate::service::{Couriers, LagHistory, Live};

pub fn follow_timeline(live: Live) -> Job {
    Job::new("follow-timeline", |stop| live.follow(stop))
}

pub fn follow_couriers(couriers: Couriers) -> Job {
    Job::new("follow-couriers", |stop| couriers.follow(stop))
}

pub fn follow_lag(history: LagHistory) -> Job {
    Job::new("follow-lag", |stop| history.follow(stop))
}
