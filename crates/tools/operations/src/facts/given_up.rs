//! The events that a consumer has given up: they are dead letters, which only an operator can replay.

use std::collections::{HashMap, HashSet};

use platform::kafka::HEADER_GROUP;
use uuid::Uuid;

use super::Sources;
use crate::dead_letter_queue::{DeadLetterQueue, State};

/// The events by consumer group.
#[derive(Default)]
pub(super) struct GivenUp(HashMap<String, HashSet<Uuid>>);

impl GivenUp {
    /// Reads the pending dead letters, and from the journal the discarded ones, which may be pruned.
    pub(super) async fn read(sources: &Sources) -> anyhow::Result<Self> {
        let queue = DeadLetterQueue::new(sources.kafka.clone(), sources.topics.clone())?;
        let letters = queue.letters(None).await?;
        let pending = letters.iter().filter(|found| found.state == State::Pending).map(|found| &found.letter);
        let pending = pending.map(|letter| (letter.header(HEADER_GROUP).to_owned(), letter.event(queue.kind(letter))));
        let discarded = queue.discarded().await?.into_iter().map(|letter| (letter.group, letter.event));
        let mut given_up = Self::default();
        for (group, event) in pending.chain(discarded) {
            given_up.0.entry(group).or_default().extend(event);
        }
        Ok(given_up)
    }

    pub(super) fn has(&self, group: &str, event: Uuid) -> bool {
        self.0.get(group).is_some_and(|events| events.contains(&event))
    }
}
