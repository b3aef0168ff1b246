//! Executes a request once per Idempotency-Key. Retries get the stored outcome, and wait for it while the first
//! request runs.
//!
//! [`IdempotencyKeys::claim`](crate::repository::IdempotencyKeys::claim) compares the request's fingerprint with that
//! of the earlier request under the same key.
//!
//! A task-local mark says that an outcome is replayed, because a use case returns a stored outcome, a success or a
//! refusal, in the same form as a new one.

use std::{cell::Cell, time::Duration};

use contracts::ids::OrderId;
use futures::FutureExt as _;
use platform::{deadline, error_chain, jobs::Done, outage::refused};
use tokio::time::Instant;

use super::OrderService;
use crate::{
    error::Error,
    model::{Claim, Claimed, RequestOutcome},
};

/// A retry may take the key over from a dead process after this duration. A running request renews its lease in time. A
/// request whose process was frozen is fenced off by its token.
const LEASE_TTL: Duration = Duration::from_millis(1500);
const RENEW_INTERVAL: Duration = Duration::from_millis(500);

/// A retry waits at most this long for the first request. It is longer than the lease, and leaves half of the request's
/// time limit for the work if the retry must do it.
const MAX_WAIT: Duration = Duration::from_secs(5);
/// The first delay before the key is read again. It doubles each time, up to [`MAX_POLL_DELAY`].
const FIRST_POLL_DELAY: Duration = Duration::from_millis(20);
const MAX_POLL_DELAY: Duration = Duration::from_millis(250);

/// The timeout for releasing a key. It is short, so that a request near its time limit still gets its response in time.
const RELEASE_TIMEOUT: Duration = Duration::from_millis(250);

/// One execution of a request, which may continue an earlier execution with the same key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Execution<'a> {
    /// The order that the request creates, pays or cancels.
    pub order: OrderId,
    /// The attempt to pay that an earlier execution of the request began before it was interrupted.
    pub attempt: Option<i32>,
    pub claim: Option<&'a Claim>,
}

impl OrderService {
    /// Executes `work`, unless an outcome is stored under the key already. Returns the new or stored outcome.
    ///
    /// `work` stores a success under the key, in the SQL statement that makes the change. This function stores a
    /// refusal and releases the key after any other error. After [`Error::KeyInProgress`] it does neither, because a
    /// retry has taken the key over.
    pub(super) async fn idempotent<'a, F>(
        &self,
        claim: Option<&'a Claim>,
        order: OrderId,
        work: impl FnOnce(Execution<'a>) -> F,
    ) -> Result<RequestOutcome, Error>
    where
        F: Future<Output = Result<RequestOutcome, Error>>,
    {
        let Some(claim) = claim else {
            return work(Execution { order, attempt: None, claim: None }).await;
        };
        let execution = match self.claim(claim, order).await? {
            Claimed::New { order } => Execution { order, attempt: None, claim: Some(claim) },
            Claimed::Resumed { order, attempt } => Execution { order, attempt, claim: Some(claim) },
            Claimed::InProgress => return Err(Error::KeyInProgress),
            Claimed::Reused => return Err(Error::KeyReused),
            Claimed::Done(outcome) => {
                mark_replay();
                return match outcome {
                    RequestOutcome::Refused(refusal) => Err(refusal.into()),
                    outcome => Ok(outcome),
                };
            }
        };
        let result = self.renewing(claim, work(execution)).await;
        match &result {
            // The outcome is stored already, or another request has taken the key over and stores its own outcome.
            Ok(_) | Err(Error::KeyInProgress) => {}
            Err(Error::Refused(refusal)) => {
                if !self.keys.complete(claim, &RequestOutcome::Refused(refusal.clone())).await? {
                    return Err(Error::KeyInProgress);
                }
            }
            Err(_) => {
                // A key that cannot be released expires with its lease.
                let _ = tokio::time::timeout(RELEASE_TIMEOUT, self.keys.release(claim)).await;
            }
        }
        result
    }

    /// Claims the key. While another request has it, waits for that request, [`MAX_WAIT`] at most.
    async fn claim(&self, claim: &Claim, order: OrderId) -> Result<Claimed, Error> {
        let (until, mut delay) = (Instant::now() + deadline::remaining(MAX_WAIT), FIRST_POLL_DELAY);
        loop {
            let claimed = self.keys.claim(claim, order, LEASE_TTL).await?;
            if claimed != Claimed::InProgress || Instant::now() + delay > until {
                return Ok(claimed);
            }
            tokio::time::sleep(delay).await;
            delay = (delay * 2).min(MAX_POLL_DELAY);
        }
    }

    /// Renews the key's lease until `work` has ended.
    async fn renewing<T>(&self, claim: &Claim, work: impl Future<Output = T>) -> T {
        let renewals = async {
            loop {
                tokio::time::sleep(RENEW_INTERVAL).await;
                if let Err(error) = self.keys.renew(claim, LEASE_TTL).await {
                    refused("lease of an idempotency key not renewed", error_chain(error));
                }
            }
        };
        tokio::select! {
            biased;
            result = work => result,
            never = renewals => never,
        }
    }
}

tokio::task_local! {
    static IS_REPLAY: Cell<bool>;
}

/// Runs `work`. Returns its result, and true if this is the stored outcome of an earlier request.
///
/// This is not an `async fn`, because its future would hold `work` twice.
pub(crate) fn watching_replay<T>(work: impl Future<Output = T>) -> impl Future<Output = (T, bool)> {
    IS_REPLAY.scope(Cell::new(false), work.map(|result| (result, IS_REPLAY.with(Cell::get))))
}

/// Marks the result of the current request as the stored outcome of an earlier request.
fn mark_replay() {
    // Outside of `watching_replay`, nothing reads the mark.
    let _ = IS_REPLAY.try_with(|is_replay| is_replay.set(true));
}

const BATCH_SIZE: i64 = 1000;
/// A key is deleted at this age. The API promises that until then a retry gets the same response.
const RETENTION: Duration = Duration::from_hours(24);

impl OrderService {
    pub async fn remove_idempotency_keys(&self) -> anyhow::Result<Done> {
        let removed = self.keys.remove(RETENTION, BATCH_SIZE).await?;
        Ok(Done::from_count(removed, BATCH_SIZE.unsigned_abs()))
    }
}
