//! The dead letters that operators have discarded, for receipts that customers read.

use std::{cmp::Reverse, sync::Arc, time::Duration};

use anyhow::Context as _;
use audit::facts::Discarded;
use platform::config::Settings;
use tokio::{
    sync::{Mutex, watch},
    time::{Instant, timeout_at},
};
use uuid::Uuid;

use crate::dead_letter_queue::DeadLetterQueue;

const CACHE_TTL: Duration = Duration::from_secs(5);
/// The time limit for all answers of the broker.
const BROKER_TIMEOUT: Duration = Duration::from_secs(2);

/// How many letters are kept in memory: the latest ones. Each takes some 250 bytes.
const MAX_LETTERS: usize = 50_000;

/// Reads the discarded letters from their journal, at most once in five seconds.
pub struct DiscardedLetters {
    settings: Settings,
    /// When the journal was last read. A read holds the lock.
    read_at: Arc<Mutex<Option<Instant>>>,
    /// The letters that were read last.
    letters: watch::Sender<Vec<Discarded>>,
}

impl DiscardedLetters {
    pub fn new(settings: &Settings) -> Self {
        Self { settings: settings.clone(), read_at: Arc::default(), letters: watch::Sender::default() }
    }

    /// Returns the discarded letters of an order, without the operators and their reasons. If the broker does not
    /// answer in time, returns those read before.
    pub async fn of(&self, order: Uuid) -> Vec<Discarded> {
        let settings = self.settings.clone();
        let reading = async move { DeadLetterQueue::from_settings(&settings)?.discarded().await };
        if let Err(error) = self.read(reading).await {
            tracing::warn!(error = format!("{error:#}"), "discarded dead letters unknown");
        }
        let letters = self.letters.borrow();
        let own = letters.iter().filter(|one| one.order == Some(order)).cloned();
        let shown = own.map(|one| Discarded {
            who: "an operator".to_owned(),
            why: "operators see the reason".to_owned(),
            ..one
        });
        shown.collect()
    }

    /// Reads the journal into `letters`, unless it was read lately. Limits how long a caller waits: a slower read
    /// continues, the next one waits for it, and later callers see its letters.
    async fn read(
        &self,
        reading: impl Future<Output = anyhow::Result<Vec<Discarded>>> + Send + 'static,
    ) -> anyhow::Result<()> {
        let late = "the broker does not answer in time";
        let deadline = Instant::now() + BROKER_TIMEOUT;
        let mut read_at = timeout_at(deadline, self.read_at.clone().lock_owned()).await.context(late)?;
        if read_at.is_some_and(|at| at.elapsed() <= CACHE_TTL) {
            return Ok(());
        }
        let letters = self.letters.clone();
        let read = tokio::spawn(async move {
            let read = reading.await;
            *read_at = Some(Instant::now());
            letters.send_replace(of_orders(read?));
            anyhow::Ok(())
        });
        timeout_at(deadline, read).await.context(late)??
    }
}

/// Returns the latest letters that concern an order, without the operators and their reasons.
fn of_orders(mut letters: Vec<Discarded>) -> Vec<Discarded> {
    letters.retain(|letter| letter.order.is_some());
    letters.sort_by_key(|letter| Reverse(letter.at));
    if letters.len() > MAX_LETTERS {
        tracing::warn!(
            letters = letters.len(),
            "receipts consider the latest {MAX_LETTERS} discarded dead letters alone"
        );
        letters.truncate(MAX_LETTERS);
    }
    letters.shrink_to_fit();
    for letter in &mut letters {
        (letter.who, letter.why) = (String::new(), String::new());
    }
    letters
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use tokio::sync::oneshot;

    use super::*;

    fn discarded(number: u64, order: u128) -> Discarded {
        Discarded {
            letter: format!("order.paid.dlq/0/{number}"),
            given_up_at: DateTime::UNIX_EPOCH,
            group: "assembly-group-order-paid".to_owned(),
            event: None,
            order: Some(Uuid::from_u128(order)),
            who: "ann".to_owned(),
            why: "the customer is a friend".to_owned(),
            at: DateTime::UNIX_EPOCH + Duration::from_secs(number),
        }
    }

    #[tokio::test]
    async fn a_customer_sees_neither_who_discarded_a_letter_nor_why_nor_letters_of_others() {
        let known = of_orders(vec![discarded(0, 1), discarded(1, 2)]);
        let (read_at, known) = (Arc::new(Mutex::new(Some(Instant::now()))), watch::Sender::new(known));
        let letters = DiscardedLetters { read_at, letters: known, ..DiscardedLetters::new(&Settings::default()) };

        let own = letters.of(Uuid::from_u128(2)).await;

        let shown: Vec<_> = own.iter().map(|one| (&*one.letter, &*one.who, &*one.why)).collect();
        assert_eq!(shown, [("order.paid.dlq/0/1", "an operator", "operators see the reason")]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_journal_that_takes_longer_than_a_receipt_waits_is_read_once_for_the_next_receipts() {
        let letters = DiscardedLetters::new(&Settings::default());
        let (end, ended) = oneshot::channel::<()>();
        let slow = letters.read(async move {
            ended.await?;
            Ok(vec![discarded(0, 1)])
        });
        assert!(slow.await.is_err());

        assert!(letters.read(async { Ok(Vec::new()) }).await.is_err());
        end.send(()).unwrap();

        assert!(letters.read(async { Ok(Vec::new()) }).await.is_ok());
        assert_eq!(letters.of(Uuid::from_u128(1)).await.len(), 1);
    }

    #[test]
    fn the_latest_letters_of_orders_are_kept_up_to_the_bound() {
        let of_no_order = Discarded { order: None, ..discarded(60_000, 1) };
        let kept = of_orders((0..=50_000).map(|number| discarded(number, 1)).chain([of_no_order]).collect());

        let ends = [&kept[0].letter, &kept[MAX_LETTERS - 1].letter];
        assert_eq!((kept.len(), ends.map(String::as_str)), (50_000, ["order.paid.dlq/0/50000", "order.paid.dlq/0/1"]));
    }
}
