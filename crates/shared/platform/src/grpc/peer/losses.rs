//! Records lost connections to an address, and derives what they say about the peer's health.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::circuit_breaker::Outcome;

/// The lost connections to one address. When a working connection ends, all its calls fail, but count as one failed
/// call, since the next connection may work. If the peer never responded on the connection, each call counts as a
/// failure of the peer.
#[derive(Default)]
pub struct Losses(Mutex<Loss>);

#[derive(Default)]
struct Loss {
    /// The time of the last loss, and whether the peer had responded on that connection.
    last: Option<(Instant, bool)>,
    /// True if the peer has responded since the last loss.
    answered: bool,
}

impl Losses {
    fn lock(&self) -> MutexGuard<'_, Loss> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that the peer responded to a call that began at `begun`.
    pub fn answered(&self, begun: Instant) {
        let mut loss = self.lock();
        loss.answered |= loss.last.is_none_or(|(at, _)| begun > at);
    }

    pub fn outcome(&self, begun: Instant) -> Outcome {
        let mut loss = self.lock();
        match loss.last {
            Some((at, had_answered)) if begun <= at => {
                if had_answered {
                    Outcome::Inconclusive
                } else {
                    Outcome::Failed
                }
            }
            _ => {
                loss.last = Some((Instant::now(), std::mem::take(&mut loss.answered)));
                Outcome::Failed
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_calls_on_a_connection_that_worked_are_one_loss_and_those_on_one_that_never_did_are_many() {
        let losses = Losses::default();
        let begin = async || {
            tokio::time::advance(Duration::from_millis(1)).await;
            Instant::now()
        };
        let (answered, first, second) = (begin().await, begin().await, begin().await);
        losses.answered(answered);
        begin().await;

        assert_eq!((losses.outcome(second), losses.outcome(first)), (Outcome::Failed, Outcome::Inconclusive));
        // On the next connection the peer never responds.
        let (third, fourth) = (begin().await, begin().await);
        losses.answered(first);
        begin().await;
        assert_eq!((losses.outcome(third), losses.outcome(fourth)), (Outcome::Failed, Outcome::Failed));
    }
}
