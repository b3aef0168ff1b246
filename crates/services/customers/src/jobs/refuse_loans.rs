//! Refuses loans whose hold has ended while their user is not a customer, in one replica at a time. The job has its own
//! lease, so that a failure of `decide-loans` does not stop it.

use std::{sync::Arc, time::Duration};

use platform::{
    jobs::{Done, Job},
    lease::Lease,
};

use crate::service::CustomerService;

/// The name of the job and of its lease.
pub const REFUSE_LEASE: &str = "refuse-loans";
const REFUSE_INTERVAL: Duration = Duration::from_secs(1);

pub fn refuse_loans(service: CustomerService, lease: Arc<dyn Lease>) -> Job {
    Job::periodic(REFUSE_LEASE, lease, REFUSE_INTERVAL, move || {
        let service = service.clone();
        async move {
            let (count, more) = service.refuse_loans().await?;
            Ok(Done { count, more })
        }
    })
}
