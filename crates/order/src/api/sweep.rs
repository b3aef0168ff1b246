//! The clock: what is done to orders that nobody asks about.

use std::time::Duration;

use platform::sweeper::Sweepers;

use crate::service::OrderService;

/// Starts the sweepers. Rows of inbox and outbox are kept for `keep`.
pub fn sweep(service: OrderService, sweepers: Sweepers<'_>, keep: Duration) {
    let (deadlines, keys) = (service.clone(), service);
    sweepers
        .every(Duration::from_secs(1), "payment-deadlines", move || {
            let service = deadlines.clone();
            async move { service.expire_overdue().await }
        })
        .every(Duration::from_mins(1), "idempotency-keys", move || {
            let service = keys.clone();
            async move { service.forget_keys().await }
        })
        .outbox(keep)
        .inbox(keep);
}
