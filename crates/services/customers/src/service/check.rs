//! The saga that checks an identity: records its step, asks the checker, and writes the verdict. Without an answer the
//! verdict is *unknown*, and the service asks again under the same key.

use platform::{clock, error_chain, jobs};
use tokio_util::sync::CancellationToken;

use super::CustomerService;
use crate::{
    client::{CheckRequest, Unknown},
    error::Error,
    metrics,
    model::Verdict,
    repository::DueCheck,
};

/// Checks leased per statement.
const BATCH_SIZE: i64 = 16;
/// The maximum per replica.
const MAX_CONCURRENT_CHECKS: usize = 64;

/// Why a check has no verdict yet.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Unknown(#[from] Unknown),
    #[error(transparent)]
    Service(#[from] Error),
}

impl CustomerService {
    /// Runs checks as they fall due, until `stop`. All replicas may run this: each check is leased to one at a time.
    /// Checks with the fewest tries come first, so that checks that hang do not delay others.
    pub async fn check_customers(&self, stop: CancellationToken) {
        let checks =
            jobs::due("check-customers", || self.repository.due_checks(BATCH_SIZE), self.to_check.clone(), stop);
        jobs::for_each(checks, MAX_CONCURRENT_CHECKS, "check customer", |check| self.try_to_check(check)).await;
    }

    async fn try_to_check(&self, check: DueCheck) {
        let DueCheck { customer, version, lease } = check;
        let (is_unknown, error) = match tokio::time::timeout(lease, self.check(check)).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => (matches!(error, Failed::Unknown(_)), error_chain(error)),
            Err(_) => (true, format!("timed out after {lease:?}")),
        };
        metrics::count_check("unknown", is_unknown.into());
        tracing::warn!(customer_id = %customer, version, error, "identity not checked, retrying");
    }

    async fn check(&self, check: DueCheck) -> Result<(), Failed> {
        let Some(known) = self.repository.find(check.customer).await? else { return Ok(()) };
        let Some(profile) = known.customer.profile().filter(|_| known.customer.version == check.version) else {
            return Ok(());
        };
        let key = format!("{}/{}", check.customer, check.version);
        let request = CheckRequest { key, profile: profile.clone(), today: clock::now().date_naive() };
        let verdict = self.checker.ask(&request).await?;
        let outcome = if verdict == Verdict::Approved { "approved" } else { "refused" };
        let mut customer = known.customer;
        // If there is no event, or the write changes nothing, another replica or an operator has decided the same
        // version.
        if let Some(event) = customer.decide(verdict)
            && self.write(Some(check.version), customer, &event).await?.is_some()
        {
            metrics::count_check(outcome, 1);
        }
        Ok(())
    }
}
