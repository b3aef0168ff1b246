//! Background jobs.

use std::{sync::Arc, time::Duration};

use outbox::Lease;
use platform::jobs::Job;

use crate::service::CustomerService;

/// Returns all jobs but retention. `leases` creates the lease with a given name.
pub fn all(service: &CustomerService, leases: impl Fn(&'static str) -> Arc<dyn Lease>) -> [Job; 4] {
    [
        check_customers(service.clone()),
        credit_loans(service.clone()),
        decide_loans(service.clone(), leases("decide-loans")),
        refuse_loans(service.clone(), leases("refuse-loans")),
    ]
}

/// Asks the checker about each customer until it has decided.
///
/// The job runs in every replica; the database leases each check to one replica at a time.
pub fn check_customers(service: CustomerService) -> Job {
    Job::new("check-customers", |stop| async move {
        service.check_customers(stop).await;
        Ok(())
    })
}

/// Credits loans through the payment service, with retries until it confirms the credit.
///
/// The job runs in every replica; the database leases each loan to one replica at a time.
pub fn credit_loans(service: CustomerService) -> Job {
    Job::new("credit-loans", |stop| async move {
        service.credit_loans(stop).await;
        Ok(())
    })
}

/// Once per interval, the jobs look for held loans to decide or to refuse.
const LOANS_INTERVAL: Duration = Duration::from_secs(1);

/// Decides held loans that their customer's change missed, in one replica at a time.
pub fn decide_loans(service: CustomerService, lease: Arc<dyn Lease>) -> Job {
    Job::periodic("decide-loans", lease, LOANS_INTERVAL, move || {
        let service = service.clone();
        async move { Ok(service.decide_loans().await?) }
    })
}

/// Refuses loans whose hold has ended while their user is not a customer, in one replica at a time. The job has its own
/// lease, so that a failure of `decide-loans` does not stop it.
pub fn refuse_loans(service: CustomerService, lease: Arc<dyn Lease>) -> Job {
    Job::periodic("refuse-loans", lease, LOANS_INTERVAL, move || {
        let service = service.clone();
        async move { Ok(service.refuse_loans().await?) }
    })
}
