//! The journal of operators' actions on dead letters, with operator, time and reason. It is a compacted topic.
//!
//! A record's key is the letter's id, so that compaction keeps the latest entry of each letter.

use std::collections::{HashMap, HashSet};

use anyhow::Context as _;
use audit::facts;
use chrono::{DateTime, Utc};
use contracts::events::JOURNAL;
use platform::{
    auth::Author,
    clock,
    kafka::{self, Config, KafkaPublisher, Reader, Record, ensure_compacted_topic},
    outbox::Publisher as _,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::dead_letters::{DeadLetter, Id, Origin};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Replayed,
    /// The message's effect is no longer wanted, or an operator made it by hand.
    Discarded,
}

/// An entry: one letter resolved by an operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The letter's id, such as `order.paid.dlq/0/17`.
    pub letter: String,
    /// The time at which the message was dead-lettered. It distinguishes letters with the same id after a topic was
    /// recreated.
    pub given_up_at: DateTime<Utc>,
    pub action: Action,
    /// Who resolved it. Older versions have a login or a name here, and read it by this name.
    #[serde(rename = "who")]
    pub decided_by: Author,
    pub at: DateTime<Utc>,
    /// The reason; empty for a replay.
    pub why: String,
    /// The consumer that failed to handle the message.
    pub group: String,
    pub event: Option<Uuid>,
    /// The record's key, if it is an order's UUID.
    pub order: Option<Uuid>,
    /// The partition and offset of the original record; `None` in entries of older versions.
    #[serde(default)]
    pub record: Option<(i32, i64)>,
    /// Where and when the original record was published; unknown in entries of older versions.
    #[serde(default)]
    pub origin: Origin,
}

impl Entry {
    /// Returns an entry for a letter that is resolved now. `kind` is the event type of the letter's original topic.
    pub fn now(letter: &DeadLetter, kind: &str, action: Action, decided_by: &Author, why: &str) -> Self {
        Self {
            letter: letter.id.to_string(),
            given_up_at: letter.at,
            action,
            decided_by: decided_by.clone(),
            at: clock::now(),
            why: why.to_owned(),
            group: letter.header(kafka::HEADER_GROUP).to_owned(),
            event: letter.event(kind),
            order: str::from_utf8(&letter.message.key).ok().and_then(|key| Uuid::try_parse(key).ok()),
            record: letter.record(),
            origin: letter.published(),
        }
    }
}

#[derive(Default)]
pub struct Journal {
    entries: HashMap<String, Entry>,
}

impl Journal {
    /// Reads the whole journal; empty if its topic does not exist. Blocks.
    pub fn read(reader: &Reader, config: &Config) -> anyhow::Result<Self> {
        let topic = topic(config);
        let mut journal = Self::default();
        reader.read(&topic, &reader.extents(&topic)?, |message, _| {
            match serde_json::from_slice::<Entry>(&message.payload) {
                Ok(entry) => {
                    journal.entries.insert(entry.letter.clone(), entry);
                }
                Err(error) => {
                    tracing::warn!(topic, offset = message.offset, %error, "unreadable journal entry skipped");
                }
            }
        })?;
        Ok(journal)
    }

    pub fn of(&self, letter: &DeadLetter) -> Option<&Entry> {
        self.entries.get(&letter.id.to_string()).filter(|entry| entry.given_up_at == letter.at)
    }

    /// Returns the entries of a dead-letter topic's letters that operators have resolved and pruned. `letters` are
    /// those that the topic still has.
    pub fn pruned(&self, topic: &str, letters: &[DeadLetter]) -> Vec<&Entry> {
        let kept: HashSet<(String, DateTime<Utc>)> =
            letters.iter().map(|letter| (letter.id.to_string(), letter.at)).collect();
        let is_of_topic = |entry: &&Entry| entry.letter.parse::<Id>().is_ok_and(|id| id.topic == topic);
        let entries = self.entries.values().filter(is_of_topic);
        entries.filter(|entry| !kept.contains(&(entry.letter.clone(), entry.given_up_at))).collect()
    }

    /// Returns the discarded letters, including pruned ones, as facts of an audit.
    pub fn discarded(self) -> Vec<facts::Discarded> {
        let discarded = self.entries.into_values().filter(|entry| entry.action == Action::Discarded);
        let fact = |entry: Entry| {
            let Entry { letter, given_up_at, group, event, order, decided_by, why, at, .. } = entry;
            let who = decided_by.as_str().to_owned();
            facts::Discarded { letter, given_up_at, group, event, order, who, why, at }
        };
        discarded.map(fact).collect()
    }
}

pub struct Writer {
    publisher: KafkaPublisher,
    topic: String,
}

impl Writer {
    pub async fn open(config: &Config) -> anyhow::Result<Self> {
        let topic = topic(config);
        create(config).await?;
        // Otherwise the publisher would create the topic with a retention time, and create a dead-letter topic for it.
        let config = Config { kafka_create_topics: false, ..config.clone() };
        Ok(Self { publisher: KafkaPublisher::new(&config)?, topic })
    }

    /// Appends entries, and returns when the broker has acknowledged all of them.
    pub async fn add(&self, entries: &[Entry]) -> anyhow::Result<()> {
        let mut records = Vec::with_capacity(entries.len());
        for entry in entries {
            let (key, payload) = (entry.letter.clone().into_bytes(), serde_json::to_vec(entry)?);
            records.push(Record { topic: self.topic.clone(), key, payload, headers: HashMap::new() });
        }
        self.publisher.publish(records).await.context("writing the journal of dead letters")
    }
}

/// Creates the journal, if it is missing and the configuration allows it.
pub async fn create(config: &Config) -> anyhow::Result<()> {
    ensure_compacted_topic(config, &topic(config)).await.context("creating the journal of dead letters")
}

fn topic(config: &Config) -> String {
    format!("{}{JOURNAL}", config.kafka_group_prefix)
}

#[cfg(test)]
mod tests {
    use platform::kafka::Message;

    use super::*;

    fn letter(offset: i64) -> DeadLetter {
        let headers = [(kafka::HEADER_PARTITION, "2".to_owned()), (kafka::HEADER_OFFSET, (offset + 40).to_string())];
        let headers = headers.map(|(name, value)| (name.to_owned(), Some(value.into_bytes()))).into_iter().collect();
        let id = Id { topic: "orders.dlq".to_owned(), partition: 0, offset };
        DeadLetter { id, at: DateTime::UNIX_EPOCH, message: Message { headers, ..Message::default() }, outline: None }
    }

    #[test]
    fn pruned_letters_are_the_entries_whose_letters_are_gone() {
        let entry = |letter: &DeadLetter| Entry::now(letter, "", Action::Discarded, &Author::part("test"), "poison");
        let (gone, old, kept) = (entry(&letter(0)), Entry { record: None, ..entry(&letter(1)) }, entry(&letter(2)));
        let other = Entry { letter: "order.paid.dlq/0/0".to_owned(), ..entry(&letter(0)) };
        let entries = [gone, old, kept, other].map(|entry| (entry.letter.clone(), entry));
        let journal = Journal { entries: entries.into() };

        let pruned = journal.pruned("orders.dlq", &[letter(2), letter(3)]);

        let mut pruned: Vec<_> = pruned.into_iter().map(|entry| entry.record).collect();
        pruned.sort();
        assert_eq!(pruned, [None, Some((2, 40))]);
    }

    #[test]
    fn an_entry_of_an_older_version_names_no_record() {
        let mut entry =
            serde_json::to_value(Entry::now(&letter(0), "", Action::Replayed, &Author::part("test"), "")).unwrap();
        assert_eq!(entry["who"], "test", "the name that older versions read");
        for field in ["record", "origin"] {
            entry.as_object_mut().unwrap().remove(field).unwrap();
        }

        let entry = serde_json::from_value::<Entry>(entry).unwrap();
        assert_eq!((entry.record, entry.origin), (None, Origin::default()));
    }
}
