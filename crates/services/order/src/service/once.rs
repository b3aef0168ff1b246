//! A request under an Idempotency-Key is done once, and answered the same each time.

use std::time::Duration;

use uuid::Uuid;

use super::OrderService;
use crate::{
    error::Error,
    model::{Claim, Claimed, Outcome},
};

/// How long a request may run before another with its key takes over: longer than any request is given.
const LEASE: Duration = Duration::from_secs(15);

/// How long giving a key back may take: a request that has used up its time is answered before its limit all the same.
const GIVE_BACK_WITHIN: Duration = Duration::from_millis(250);

/// Where a request stands when its turn comes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn<'a> {
    /// The order that it makes or is about.
    pub order: Uuid,
    /// The attempt to pay that an earlier request with this key had begun before it died.
    pub attempt: Option<i32>,
    pub claim: Option<&'a Claim>,
}

impl OrderService {
    /// Runs `work` unless the key remembers what came of it before.
    ///
    /// A key that was used for another request is what a request is refused for last: `objection` is asked first what else speaks
    /// against it, and changes nothing.
    ///
    /// A success is remembered by the statement that makes it; a definite refusal here; anything else gives the key back. A request
    /// that goes on after its lease is over has lost the key to its repeat: it changes nothing and answers nothing for it.
    pub(super) async fn once<'a, F>(
        &self,
        claim: Option<&'a Claim>,
        order: Uuid,
        objection: impl Future<Output = Result<(), Error>>,
        work: impl FnOnce(Turn<'a>) -> F,
    ) -> Result<Outcome, Error>
    where
        F: Future<Output = Result<Outcome, Error>>,
    {
        let Some(claim) = claim else {
            return work(Turn { order, attempt: None, claim: None }).await;
        };
        let turn = match self.orders.claim(claim, order, LEASE).await? {
            Claimed::New { order } => Turn { order, attempt: None, claim: Some(claim) },
            Claimed::Resumed { order, attempt } => Turn { order, attempt, claim: Some(claim) },
            Claimed::InProgress => return Err(Error::KeyInProgress),
            Claimed::Reused => return Err(objection.await.err().unwrap_or(Error::KeyReused)),
            Claimed::Done(Outcome::Refused(refusal)) => return Err(refusal.into()),
            Claimed::Done(outcome) => return Ok(outcome),
        };
        let result = work(turn).await;
        match &result {
            // Remembered already; or another request has taken the key over, and answers for it.
            Ok(_) | Err(Error::KeyInProgress) => {}
            Err(Error::Refused(refusal)) => {
                if !self.orders.complete(claim, &Outcome::Refused(refusal.clone())).await? {
                    return Err(Error::KeyInProgress);
                }
            }
            Err(_) => {
                // If the key cannot be given back its lease ends by itself.
                let _ = tokio::time::timeout(GIVE_BACK_WITHIN, self.orders.release(claim)).await;
            }
        }
        result
    }
}
