//! Cancels orders that were not paid before their deadline.

use std::{sync::Arc, time::Duration};

use platform::{jobs::Job, lease::Lease};

use crate::service::OrderService;

const CANCEL_INTERVAL: Duration = Duration::from_secs(1);

pub fn cancel_overdue_orders(service: OrderService, lease: Arc<dyn Lease>) -> Job {
    Job::periodic("payment-deadlines", lease, CANCEL_INTERVAL, move || {
        let service = service.clone();
        async move { service.cancel_overdue_orders().await }
    })
}
