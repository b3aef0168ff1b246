//! Runs a request once per Idempotency-Key; repeats get the remembered outcome.

use std::time::Duration;

use super::OrderService;
use crate::{
    error::Error,
    model::{Claim, Claimed, Outcome},
};
use contracts::ids::OrderId;

/// After this long a repeat takes the key over: longer than the time limit of any request.
const LEASE: Duration = Duration::from_secs(15);

/// The time limit for releasing a key: a request that has used up its own time is answered before its limit all the same.
const RELEASE_WITHIN: Duration = Duration::from_millis(250);

/// One run of a request: what it is about, and where an earlier run under the same key stopped.
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
    /// [`Error::KeyReused`] comes last among the reasons to refuse a request: `precheck` looks for another one, and changes nothing.
    ///
    /// The statement that makes a success also remembers it under the key; a refusal is remembered here; any other error releases
    /// the key. A request that outlives its lease has lost the key to its repeat: it changes nothing and remembers nothing.
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
            // Remembered already, or another request has taken the key over and remembers its own outcome.
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
