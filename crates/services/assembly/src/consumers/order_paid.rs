//! `OrderPaid`: starts to build the order's ship.

use std::time::Duration;

use contracts::events::{OrderPaid, Received, Subscription};
use rand::RngExt as _;

use crate::service::{AssemblyService, GROUP_PAID};

/// How long ships take and how many cannot be built.
#[derive(Clone, Copy, Debug)]
pub struct BuildTimes {
    pub min: Duration,
    pub max: Duration,
    /// 0 to 1.
    pub failure_rate: f64,
}

pub fn order_paid(service: AssemblyService, times: BuildTimes) -> Subscription {
    Subscription::new(GROUP_PAID, move |paid: Received<OrderPaid>| {
        let service = service.clone();
        let build_time = rand::rng().random_range(times.min..=times.max);
        let fails = rand::rng().random_bool(times.failure_rate);
        async move { Ok(service.start(&paid, build_time, fails).await?) }
    })
}
