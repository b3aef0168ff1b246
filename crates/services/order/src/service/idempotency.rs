//! Runs a request once per Idempotency-Key; repeats get the stored outcome.

use std::time::Duration;

use super::OrderService;
use crate::{
    error::Error,
    model::{Claim, Claimed, Outcome},
};
use contracts::ids::OrderId;

/// The time after which a repeat takes the key over: longer than the time limit of any request.
const LEASE: Duration = Duration::from_secs(15);

/// The time limit for releasing a key: short, so that a request that has used up its time is still answered before its limit.
const RELEASE_WITHIN: Duration = Duration::from_millis(250);

/// One run of a request: its order, and the attempt at which an earlier run under the same key stopped.
#[derive(Clone, Copy, Debug)]
pub(super) struct Execution<'a> {
    /// The order that the request creates or is about.
    pub order: OrderId,
    /// The attempt to pay that an earlier run of the request had begun before it died.
    pub attempt: Option<i32>,
    pub claim: Option<&'a Claim>,
}

impl OrderService {
    /// Runs `work`, unless the key remembers the outcome of an earlier run.
    ///
    /// [`Error::KeyReused`] comes last among the reasons to refuse a request: `precheck` looks for another reason and changes nothing.
    ///
    /// `work` stores a success under the key in the SQL statement that makes the change. This function stores a refusal, and releases the
    /// key after any other error except [`Error::KeyInProgress`]: then a repeat has taken over the key of a request that outlived its
    /// lease, and this request changes and stores nothing.
    pub(super) async fn idempotent<'a, F>(
        &self,
        claim: Option<&'a Claim>,
        order: OrderId,
        precheck: impl Future<Output = Result<(), Error>>,
        work: impl FnOnce(Execution<'a>) -> F,
    ) -> Result<Outcome, Error>
    where
        F: Future<Output = Result<Outcome, Error>>,
    {
        let Some(claim) = claim else {
            return work(Execution { order, attempt: None, claim: None }).await;
        };
        let execution = match self.keys.claim(claim, order, LEASE).await? {
            Claimed::New { order } => Execution { order, attempt: None, claim: Some(claim) },
            Claimed::Resumed { order, attempt } => Execution { order, attempt, claim: Some(claim) },
            Claimed::InProgress => return Err(Error::KeyInProgress),
            Claimed::Reused => return Err(precheck.await.err().unwrap_or(Error::KeyReused)),
            Claimed::Done(Outcome::Refused(refusal)) => return Err(refusal.into()),
            Claimed::Done(outcome) => return Ok(outcome),
        };
        let result = work(execution).await;
        match &result {
            // The outcome is stored already, or another request has taken the key over and stores its own outcome.
            Ok(_) | Err(Error::KeyInProgress) => {}
            Err(Error::Refused(refusal)) => {
                if !self.keys.complete(claim, &Outcome::Refused(refusal.clone())).await? {
                    return Err(Error::KeyInProgress);
                }
            }
            Err(_) => {
                // A key that cannot be released expires with its lease.
                let _ = tokio::time::timeout(RELEASE_WITHIN, self.keys.release(claim)).await;
            }
        }
        result
    }
}
