//! Assigns waiting orders to free couriers: at once when an order or a courier becomes available in this replica, otherwise periodically.

use std::time::Duration;

use platform::{
    clock,
    jobs::{Job, caught},
    outage::Outage,
    retry,
};
use tokio_util::sync::CancellationToken;

use crate::service::DeliveryService;

/// The job runs in every replica. The first replica whose statement locks an order and its courier assigns the order.
pub fn assign_orders(service: DeliveryService, period: Duration) -> Job {
    Job::new("assign-orders", move |stop| run(service, period, stop))
}

async fn run(service: DeliveryService, period: Duration, stop: CancellationToken) -> anyhow::Result<()> {
    let mut outage = Outage::new("assigning", "assign-orders");
    let mut pauses = retry::endless_backoff();
    loop {
        let is_complete = match caught(service.assign_orders(clock::now())).await {
            Ok(round) => {
                outage.over();
                round.is_complete
            }
            Err(error) => {
                outage.met(format!("{error:#}"));
                false
            }
        };
        // A round is repeated soon if orders may be left, since the period may be a week.
        let pause = if is_complete {
            pauses = retry::endless_backoff();
            period
        } else {
            pauses.next().map_or(period, |pause| pause.min(period))
        };
        tokio::select! {
            () = service.wait_to_assign(pause) => {}
            () = stop.cancelled() => return Ok(()),
        }
    }
}
