//! Views of dead letters, one at a time, and the action that replays or discards them.

use std::sync::Arc;

use anyhow::Context as _;
use contracts::{
    events::Topics,
    ids::UserId,
    proto::operations::v1::{EndedLetterWork, ListDeadLettersResponse, PlanReplayResponse},
};
use platform::{auth::Author, kafka};
use tokio::sync::Mutex;

use super::{
    actions::{Actions, LongAction},
    in_time,
    long_actions::OnProgress,
};
use crate::{
    dead_letter_queue::{Chosen, DeadLetterQueue, Progress},
    error::Error,
    model::{Filter, Replayed, discarded},
    repository::{Now, PgWork, resolved_letters::ResolvedLetters},
};

/// The maximum number of sentences of a result that are kept.
const MAX_SENTENCES: usize = 100;
/// The name of the dead letters in an error.
const LETTERS: &str = "the dead letters";

#[derive(Clone)]
pub struct DeadLetters {
    kafka: kafka::Config,
    topics: Topics,
    resolved: ResolvedLetters,
    actions: Actions,
    /// Lets one view or dry run read dead letters at a time.
    turn: ReadTurn,
    /// The action on dead letters, whose result is a list of sentences.
    work: PgWork,
}

impl DeadLetters {
    /// `work` has the kind `letters`.
    pub fn new(
        kafka: kafka::Config,
        topics: Topics,
        resolved: ResolvedLetters,
        actions: Actions,
        work: PgWork,
    ) -> Self {
        Self { kafka, topics, resolved, actions, turn: ReadTurn::default(), work }
    }

    pub async fn work(&self) -> Result<Now<EndedLetterWork>, Error> {
        self.work.now().await
    }

    /// Returns `limit` of the pending letters that match, after the first `skip`, the oldest first.
    pub async fn page(&self, filter: Filter, skip: usize, limit: usize) -> Result<ListDeadLettersResponse, Error> {
        if self.is_elsewhere(&filter) {
            return Ok(ListDeadLettersResponse::default());
        }
        let own = self.clone();
        let read = async move { own.queue()?.page(&filter, skip, limit).await };
        in_time(self.turn.read(read)).await.map_err(|error| Error::NotRead(LETTERS, error))
    }

    /// Returns what a replay of the pending letters that match would do.
    pub async fn plan(&self, filter: Filter) -> Result<PlanReplayResponse, Error> {
        if self.is_elsewhere(&filter) {
            return Ok(PlanReplayResponse::default());
        }
        let own = self.clone();
        let read = async move { own.queue()?.plan(&Chosen::Matching(filter)).await };
        in_time(self.turn.read(read)).await.map_err(|error| Error::NotRead(LETTERS, error))
    }

    /// Begins to publish the pending letters that match to their topics again.
    pub async fn replay(&self, operator: UserId, filter: Filter) -> Result<(), Error> {
        let action = long_action(operator, "Replaying dead letters", "replay", &filter);
        let own = self.clone();
        let run = move |progress: OnProgress| async move {
            let mut replayed = Replayed::default();
            if !own.is_elsewhere(&filter) {
                let (by, progress) = (Author::user(operator.uuid()), counting(progress, "messages"));
                replayed = own.queue()?.replay(&Chosen::Matching(filter), false, &by, &progress).await?;
            }
            let mut sentences = vec![replayed.to_string()];
            sentences.extend(replayed.problems);
            sentences.truncate(MAX_SENTENCES);
            anyhow::Ok(EndedLetterWork { sentences, ..EndedLetterWork::default() })
        };
        self.actions.begin_long(action, &self.work, run, first).await
    }

    /// Begins to mark the pending letters that match as discarded, for the reason `why`.
    pub async fn discard(&self, operator: UserId, filter: Filter, why: String) -> Result<(), Error> {
        let action = long_action(operator, "Discarding dead letters", "discard", &filter);
        let own = self.clone();
        let run = move |progress: OnProgress| async move {
            let mut sentence = discarded(0);
            if !own.is_elsewhere(&filter) {
                let (by, progress) = (Author::user(operator.uuid()), counting(progress, "dead letters"));
                sentence = own.queue()?.discard(&Chosen::Matching(filter), &by, &why, &progress).await?;
            }
            anyhow::Ok(EndedLetterWork { sentences: vec![sentence], ..EndedLetterWork::default() })
        };
        self.actions.begin_long(action, &self.work, run, first).await
    }

    /// Opens the dead-letter topics. The connection to the broker closes with the queue, since operators rarely need
    /// it.
    fn queue(&self) -> anyhow::Result<DeadLetterQueue> {
        DeadLetterQueue::new(self.kafka.clone(), self.topics.clone(), self.resolved.clone())
    }

    /// Returns whether the filter names a topic of no service of this shop.
    fn is_elsewhere(&self, filter: &Filter) -> bool {
        filter.topic.as_deref().is_some_and(|topic| !self.topics.all().contains(&topic))
    }
}

/// Converts the callback of a long action into that of the dead-letter queue.
fn counting(progress: OnProgress, what: &'static str) -> Progress {
    Arc::new(move |done, total| progress(what, done, total))
}

fn long_action(operator: UserId, title: &'static str, action: &'static str, filter: &Filter) -> LongAction {
    let busy = "dead letters are being replayed or discarded; wait until that has ended";
    LongAction { operator, title, action, subject: subject(filter), busy }
}

fn first(ended: &EndedLetterWork) -> String {
    ended.sentences.first().cloned().unwrap_or_default()
}

/// Describes for the log which letters an action is applied to, without the text that the operator searched for.
fn subject(filter: &Filter) -> String {
    let Filter { letter, topic, group, kind, reason, .. } = filter;
    let named = [letter, topic, group, kind].into_iter().flatten().cloned();
    let searched = reason.as_ref().map(|_| "a part of the error".to_owned());
    let conditions: Vec<String> = named.chain(searched).collect();
    if conditions.is_empty() { "all pending dead letters".to_owned() } else { conditions.join(", ") }
}

/// Serialises reads of dead letters, since each read has all letters in memory. Clones share the lock.
#[derive(Clone, Default)]
struct ReadTurn(Arc<Mutex<()>>);

impl ReadTurn {
    /// Waits for the turn, and reads in a task that keeps the turn until it ends. A caller that stops waiting does not
    /// end the read: its blocking part cannot be stopped, and a second read meanwhile would need the memory again.
    async fn read<T: Send + 'static>(
        &self,
        reading: impl Future<Output = anyhow::Result<T>> + Send + 'static,
    ) -> anyhow::Result<T> {
        let turn = self.0.clone().lock_owned().await;
        let task = tokio::spawn(async move {
            let read = reading.await;
            drop(turn);
            read
        });
        task.await.context("reading the dead letters")?
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::{sync::oneshot, time::timeout};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(7);

    #[tokio::test(start_paused = true)]
    async fn a_read_whose_caller_has_left_has_the_turn_until_it_ends() {
        let turn = ReadTurn::default();
        let (end, ended) = oneshot::channel::<()>();
        let first = turn.read(async move {
            ended.await?;
            Ok(())
        });
        assert!(timeout(LIMIT, first).await.is_err());

        assert!(timeout(LIMIT, turn.read(async { Ok(()) })).await.is_err());
        end.send(()).unwrap();

        assert!(timeout(LIMIT, turn.read(async { Ok(()) })).await.unwrap().is_ok());
    }
}
