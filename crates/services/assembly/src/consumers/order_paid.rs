//! `OrderPaid`: starts the build job of the order.

use std::time::Duration;

use contracts::events::{OrderOf, OrderPaid, Received, Subscription};
use rand::RngExt as _;

use crate::{
    model::NewJob,
    service::{AssemblyService, GROUP_PAID},
};

/// The range of build times, and the share of builds that fail.
#[derive(Clone, Copy, Debug)]
pub struct BuildTimes {
    pub min: Duration,
    pub max: Duration,
    /// A share from 0 to 1.
    pub failure_rate: f64,
}

pub fn order_paid(service: AssemblyService, times: BuildTimes) -> Subscription {
    Subscription::new(GROUP_PAID, move |paid: Received<OrderPaid>| {
        let service = service.clone();
        let build_time = rand::rng().random_range(times.min..=times.max);
        let fails = rand::rng().random_bool(times.failure_rate);
        let OrderOf { order, user } = paid.subject;
        let job = NewJob { order, user, build_time, fails };
        async move { Ok(service.start(paid.id, &job).await?) }
    })
}
