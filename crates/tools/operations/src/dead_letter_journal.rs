//! What operators did about dead letters: who, when and why, in a compacted topic of its own.
//!
//! Kafka forgets a group's offsets some days after its last commit, and takes no more than 4 KiB of metadata with them; letters
//! stay. The key of a record is the letter's name, so that the latest record of a letter is kept and says what holds.

use std::collections::HashMap;

use anyhow::Context as _;
use audit::facts;
use chrono::{DateTime, Utc};
use platform::{
    clock,
    kafka::{self, Config, KafkaPublisher, Reader, Record, ensure_compacted_topic},
    outbox::Publisher as _,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::dead_letters::DeadLetter;

/// Behind the prefix of the consumer groups, so that several systems can share a broker.
const TOPIC: &str = "shipyard.dlq.journal";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Sent again to its topic.
    Replayed,
    /// Put aside for good: its effect is not wanted any more, or was made by hand.
    Discarded,
}

/// One letter dealt with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Such as `order.paid.dlq/0/17`.
    pub letter: String,
    /// When the message was given up, which tells the letter from one of the same name in a topic that was made anew.
    pub given_up_at: DateTime<Utc>,
    pub action: Action,
    pub who: String,
    pub at: DateTime<Utc>,
    /// Nothing where it was replayed.
    pub why: String,
    /// The consumer that could not handle the message.
    pub group: String,
    pub event: Option<Uuid>,
    /// The record's key, where that is an order.
    pub order: Option<Uuid>,
}

impl Entry {
    /// `who` deals with a letter now. Its origin carries events of the type `kind`.
    pub fn now(letter: &DeadLetter, kind: &str, action: Action, who: &str, why: &str) -> Self {
        Self {
            letter: letter.id.to_string(),
            given_up_at: letter.at,
            action,
            who: who.to_owned(),
            at: clock::now(),
            why: why.to_owned(),
            group: letter.header(kafka::HEADER_GROUP).to_owned(),
            event: letter.event(kind),
            order: str::from_utf8(&letter.message.key).ok().and_then(|key| Uuid::try_parse(key).ok()),
        }
    }
}

/// The latest entry of each letter.
#[derive(Default)]
pub struct Journal {
    entries: HashMap<String, Entry>,
}

impl Journal {
    /// Reads all of it; empty where there is none yet. Blocks.
    pub fn read(reader: &Reader, config: &Config) -> anyhow::Result<Self> {
        let topic = topic(config);
        let mut journal = Self::default();
        reader.read(&topic, &reader.extents(&topic)?, |message, _| {
            match serde_json::from_slice::<Entry>(&message.payload) {
                Ok(entry) => {
                    journal.entries.insert(entry.letter.clone(), entry);
                }
                Err(error) => {
                    tracing::warn!(topic, offset = message.offset, %error, "an entry cannot be read and is skipped");
                }
            }
        })?;
        Ok(journal)
    }

    pub fn of(&self, letter: &DeadLetter) -> Option<&Entry> {
        self.entries.get(&letter.id.to_string()).filter(|entry| entry.given_up_at == letter.at)
    }

    /// What an audit knows of the letters that were discarded, also of those that are pruned.
    pub fn discarded(self) -> Vec<facts::Discarded> {
        let discarded = self.entries.into_values().filter(|entry| entry.action == Action::Discarded);
        let fact = |entry: Entry| {
            let Entry { letter, group, event, order, who, why, at, .. } = entry;
            facts::Discarded { letter, group, event, order, who, why, at }
        };
        discarded.map(fact).collect()
    }
}

/// Adds entries.
pub struct Writer {
    publisher: KafkaPublisher,
    topic: String,
}

impl Writer {
    pub async fn open(config: &Config) -> anyhow::Result<Self> {
        let topic = topic(config);
        ensure_compacted_topic(config, &topic).await.context("making the journal of dead letters")?;
        // The publisher would make a topic with an expiry, and a dead-letter topic beside it.
        let config = Config { kafka_create_topics: false, ..config.clone() };
        Ok(Self { publisher: KafkaPublisher::new(&config)?, topic })
    }

    /// Returns when the broker has all of them.
    pub async fn add(&self, entries: &[Entry]) -> anyhow::Result<()> {
        let mut records = Vec::with_capacity(entries.len());
        for entry in entries {
            let (key, payload) = (entry.letter.clone().into_bytes(), serde_json::to_vec(entry)?);
            records.push(Record { topic: self.topic.clone(), key, payload, headers: HashMap::new() });
        }
        self.publisher.publish(records).await.context("writing the journal of dead letters")
    }
}

fn topic(config: &Config) -> String {
    format!("{}{TOPIC}", config.kafka_group_prefix)
}
