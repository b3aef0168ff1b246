//! `OrderPaid`: an order to build.

use std::time::Duration;

use async_trait::async_trait;
use events::OrderPaid;
use platform::kafka::{Failure, Handler, Message};
use rand::RngExt as _;

use crate::service::AssemblyService;

/// How long ships take and how many cannot be built.
#[derive(Clone, Copy, Debug)]
pub struct BuildTimes {
    pub min: Duration,
    pub max: Duration,
    /// 0 to 1.
    pub failure_rate: f64,
}

pub struct PaidOrders {
    pub service: AssemblyService,
    pub times: BuildTimes,
}

#[async_trait]
impl Handler for PaidOrders {
    async fn handle(&self, message: &Message) -> Result<(), Failure> {
        let paid = events::read::<OrderPaid>(message)?;
        let build_time = rand::rng().random_range(self.times.min..=self.times.max);
        let fails = rand::rng().random_bool(self.times.failure_rate);

        Ok(self.service.start(&paid, build_time, fails).await?)
    }
}
