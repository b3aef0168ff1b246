//! Records in the journal, and as replay offsets, that dead letters are resolved.

use std::collections::HashMap;

use anyhow::Context as _;
use platform::kafka::Reader;

use super::{DeadLetterQueue, Found, replay_offsets::ReplayOffsets};
use crate::{
    dead_letter_journal::{Action, Entry, Writer},
    dead_letters::{DeadLetter, Id},
};

/// The recorder of one action.
pub struct Recorder<'a> {
    queue: &'a DeadLetterQueue,
    /// `None` if the journal cannot be used. A replay is then recorded in the replay offsets alone.
    journal: Option<Writer>,
    offsets: TopicOffsets,
    who: String,
}

impl<'a> Recorder<'a> {
    /// Creates the recorder. `letters` are all dead letters of the topics concerned.
    pub async fn begin(queue: &'a DeadLetterQueue, letters: &[Found], who: String) -> anyhow::Result<Self> {
        Ok(Self { queue, journal: Some(Writer::open(&queue.config).await?), offsets: TopicOffsets::of(letters), who })
    }

    /// Records these letters as resolved. The journal is written first, since a letter in it counts as resolved.
    pub async fn record(&mut self, letters: &[&DeadLetter], action: Action, why: &str) -> anyhow::Result<()> {
        let entry = |letter: &&DeadLetter| Entry::now(letter, self.queue.kind(letter), action, &self.who, why);
        let entries: Vec<Entry> = letters.iter().map(entry).collect();
        if let Some(journal) = &self.journal {
            match journal.add(&entries).await {
                Err(error) if action == Action::Replayed => {
                    tracing::warn!(error = format!("{error:#}"), "the replay is not recorded in the journal");
                    self.journal = None;
                }
                outcome => outcome?,
            }
        }
        let ids = letters.iter().map(|letter| letter.id.clone()).collect();
        self.offsets.record(self.queue, ids).await
    }
}

/// The replay offsets by topic, and the oldest letter of each partition.
#[derive(Default)]
struct TopicOffsets {
    oldest: HashMap<(String, i32), i64>,
    topics: HashMap<String, ReplayOffsets>,
}

impl TopicOffsets {
    fn of(letters: &[Found]) -> Self {
        let mut oldest = HashMap::new();
        for Found { letter: DeadLetter { id, .. }, .. } in letters {
            let first = oldest.entry((id.topic.clone(), id.partition)).or_insert(id.offset);
            *first = id.offset.min(*first);
        }
        Self { oldest, topics: HashMap::new() }
    }

    async fn record(&mut self, queue: &DeadLetterQueue, letters: Vec<Id>) -> anyhow::Result<()> {
        let (reader, mut offsets_by_topic) = (queue.reader.clone(), std::mem::take(self));
        let recording = tokio::task::spawn_blocking(move || {
            for id in letters {
                let mut offsets = match offsets_by_topic.topics.remove(&id.topic) {
                    Some(offsets) => offsets,
                    None => offsets_by_topic.first(&reader, &id)?,
                };
                offsets.insert(&id);
                offsets_by_topic.topics.insert(id.topic, offsets);
            }
            for offsets in offsets_by_topic.topics.values_mut() {
                offsets.store(&reader)?;
            }
            anyhow::Ok(offsets_by_topic)
        });
        *self = recording.await.context("committing replay offsets")??;
        Ok(())
    }

    /// Reads a topic's replay offsets, starting at its oldest letters.
    fn first(&self, reader: &Reader, id: &Id) -> anyhow::Result<ReplayOffsets> {
        let partitions: Vec<(i32, i64)> = self
            .oldest
            .iter()
            .filter(|((topic, _), _)| *topic == id.topic)
            .map(|((_, partition), oldest)| (*partition, *oldest))
            .collect();
        let numbers: Vec<i32> = partitions.iter().map(|(partition, _)| *partition).collect();
        let mut offsets = ReplayOffsets::of(reader, &id.topic, &numbers)?;
        for (partition, oldest) in partitions {
            offsets.begin_at(partition, oldest);
        }
        Ok(offsets)
    }
}
