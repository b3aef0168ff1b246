//! Executes a request once per Idempotency-Key. Repeated requests get the stored outcome.
//!
//! [`IdempotencyKeys::claim`](crate::repository::IdempotencyKeys::claim) compares the request's fingerprint with that of the earlier request
//! under the same key.

use std::time::Duration;

use super::OrderService;
use crate::{
    error::Error,
    model::{Claim, Claimed, Outcome},
};
use contracts::ids::OrderId;

/// The time after which a repeated request may take the key over. It is longer than the time limit of any request.
const LEASE: Duration = Duration::from_secs(15);

/// The timeout for releasing a key. It is short, so that a request that has nearly used up its time is still answered before its limit.
const RELEASE_WITHIN: Duration = Duration::from_millis(250);

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
    /// If the key was used for another request, `precheck` first looks for another reason to refuse this one, without changing anything.
    /// [`Error::KeyReused`] is returned only if there is none.
    ///
    /// `work` stores a success under the key, in the SQL statement that makes the change. This function stores a refusal and releases the
    /// key after any other error. After [`Error::KeyInProgress`] it does neither, because a repeated request has taken the key over.
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
