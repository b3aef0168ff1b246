//! Measures how long a broker has acknowledged nothing.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// The time of the first record, since the broker's last answer, that was not acknowledged in time.
#[derive(Default)]
pub(super) struct Silence(Mutex<Option<Instant>>);

impl Silence {
    /// Records whether the broker answered. Returns true once it has not answered for longer than `limit`; the
    /// measurement then starts again.
    pub fn is_longer_than(&self, limit: Duration, is_answered: bool) -> bool {
        let mut since = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if is_answered {
            *since = None;
            return false;
        }
        let is_longer = since.get_or_insert_with(Instant::now).elapsed() > limit;
        if is_longer {
            *since = None;
        }
        is_longer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn silence_lasts_from_the_first_record_without_an_answer_to_the_next_answer() {
        const LIMIT: Duration = Duration::from_secs(30);
        let silence = Silence::default();
        let answered = async |after: u64, is_answered| {
            tokio::time::advance(Duration::from_secs(after)).await;
            silence.is_longer_than(LIMIT, is_answered)
        };

        assert!(!answered(0, false).await && !answered(29, false).await && !answered(0, true).await);
        assert!(!answered(29, false).await && !answered(30, false).await && answered(1, false).await);
        assert!(!answered(1, false).await, "the new producer has as much time");
    }
}
