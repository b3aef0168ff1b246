//! Deletes expired idempotency keys.

use std::{sync::Arc, time::Duration};

use platform::{jobs::Job, lease::Lease};

use crate::service::OrderService;

const REMOVE_INTERVAL: Duration = Duration::from_mins(1);

pub fn remove_idempotency_keys(service: OrderService, lease: Arc<dyn Lease>) -> Job {
    Job::periodic("idempotency-keys", lease, REMOVE_INTERVAL, move || {
        let service = service.clone();
        async move { service.remove_idempotency_keys().await }
    })
}
