//! Assigns waiting orders to free couriers: at once when an order or a courier becomes available in this replica, otherwise periodically.

use std::time::Duration;

use platform::{clock, error_chain, jobs::Job, outage::Outage};
use tokio_util::sync::CancellationToken;

use crate::service::DeliveryService;

/// The job runs in every replica. The first replica whose statement locks an order and its courier assigns the order.
pub fn assign_orders(service: DeliveryService, period: Duration) -> Job {
    Job::new("assign-orders", move |stop| run(service, period, stop))
}

async fn run(service: DeliveryService, period: Duration, stop: CancellationToken) -> anyhow::Result<()> {
    let mut outage = Outage::new("assigning", "assign-orders");
    loop {
        match service.assign_orders(clock::now()).await {
            Ok(_) => outage.over(),
            Err(error) => outage.met(error_chain(error)),
        }
        tokio::select! {
            () = service.wait_to_assign(period) => {}
            () = stop.cancelled() => return Ok(()),
        }
    }
}
