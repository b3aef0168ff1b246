//! Decides held loans that their customer's change missed, in one replica at a time.

use std::{sync::Arc, time::Duration};

use platform::{
    jobs::{Done, Job},
    lease::Lease,
};

use crate::service::CustomerService;

/// The name of the job and of its lease.
pub const DECIDE_LEASE: &str = "decide-loans";
const DECIDE_INTERVAL: Duration = Duration::from_secs(1);

pub fn decide_loans(service: CustomerService, lease: Arc<dyn Lease>) -> Job {
    Job::periodic(DECIDE_LEASE, lease, DECIDE_INTERVAL, move || {
        let service = service.clone();
        async move {
            let (count, more) = service.decide_loans().await?;
            Ok(Done { count, more })
        }
    })
}
