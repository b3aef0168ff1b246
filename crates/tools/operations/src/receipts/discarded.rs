//! The dead letters that operators have discarded, for receipts that customers read.

use std::time::Duration;

use anyhow::Context as _;
use audit::facts::Discarded;
use platform::config::Settings;
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};
use uuid::Uuid;

use crate::dead_letter_queue::DeadLetterQueue;

/// How long the letters are used before they are read again.
const CACHE_TTL: Duration = Duration::from_secs(5);
/// The time limit for all answers of the broker.
const BROKER_TIMEOUT: Duration = Duration::from_secs(2);

/// Reads the discarded letters from their journal, at most once in five seconds.
pub struct DiscardedLetters {
    settings: Settings,
    latest: Mutex<Latest>,
}

/// The letters that were read last, and when the broker was last asked.
#[derive(Default)]
struct Latest {
    asked_at: Option<Instant>,
    letters: Vec<Discarded>,
}

impl DiscardedLetters {
    pub fn new(settings: &Settings) -> Self {
        Self { settings: settings.clone(), latest: Mutex::default() }
    }

    /// Returns those of an order, without the operators and their reasons. If the broker does not answer in time, they are those that were
    /// read before.
    pub async fn of(&self, order: Uuid) -> Vec<Discarded> {
        let mut latest = self.latest.lock().await;
        if latest.asked_at.is_none_or(|at| at.elapsed() > CACHE_TTL) {
            match self.read().await {
                Ok(letters) => latest.letters = letters,
                Err(error) => tracing::warn!(error = format!("{error:#}"), "discarded dead letters unknown"),
            }
            latest.asked_at = Some(Instant::now());
        }
        let own = latest.letters.iter().filter(|one| one.order == Some(order)).cloned();
        let shown = own.map(|one| Discarded {
            who: "an operator".to_owned(),
            why: "operators see the reason".to_owned(),
            ..one
        });
        shown.collect()
    }

    async fn read(&self) -> anyhow::Result<Vec<Discarded>> {
        let queue = DeadLetterQueue::from_settings(&self.settings)?;
        timeout(BROKER_TIMEOUT, queue.discarded()).await.context("the broker does not answer in time")?
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[tokio::test]
    async fn a_customer_sees_neither_who_discarded_a_letter_nor_why_nor_letters_of_others() {
        let discarded = |letter: &str, order: u128| Discarded {
            letter: letter.to_owned(),
            given_up_at: DateTime::UNIX_EPOCH,
            group: "assembly-group-order-paid".to_owned(),
            event: None,
            order: Some(Uuid::from_u128(order)),
            who: "ann".to_owned(),
            why: "the customer is a friend".to_owned(),
            at: DateTime::UNIX_EPOCH,
        };
        let known = vec![discarded("order.paid.dlq/0/0", 1), discarded("order.paid.dlq/0/1", 2)];
        let latest = Mutex::new(Latest { asked_at: Some(Instant::now()), letters: known });
        let letters = DiscardedLetters { settings: Settings::default(), latest };

        let own = letters.of(Uuid::from_u128(2)).await;

        let shown: Vec<_> = own.iter().map(|one| (&*one.letter, &*one.who, &*one.why)).collect();
        assert_eq!(shown, [("order.paid.dlq/0/1", "an operator", "operators see the reason")]);
    }
}
