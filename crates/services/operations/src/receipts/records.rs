//! An order's records in the topics, from which its receipt is made.

use std::{collections::HashMap, sync::Arc};

use audit::facts::{self, DeadLetters, Log, Record, kind};
use chrono::{DateTime, Utc};
use contracts::events::{ROUTES, Topics};
use platform::{
    clock,
    config::Settings,
    kafka::{Config, dead_letter_topic},
};
use uuid::Uuid;

use crate::facts::{log_since, topics};

/// What the caller has read from the topics.
#[derive(Clone, Debug, Default)]
pub struct Records {
    /// The topics that the caller reads, each with the time since which the caller has every record; `None` if it has
    /// every record. The receipt does not check whether an event reached any other topic.
    pub topics: HashMap<String, Option<DateTime<Utc>>>,
    /// The records whose key is the order's UUID.
    pub records: Vec<SeenRecord>,
    /// The dead letters of the order's events; `None` if the caller does not read them, and the receipt does not cover
    /// them.
    pub dead_letters: Option<Vec<facts::DeadLetter>>,
}

#[derive(Clone, Debug)]
pub struct SeenRecord {
    pub topic: String,
    pub record: Record,
    /// False for a record of an earlier topic of the same name, lost with the broker's data: the consumers' offsets
    /// refer to the topic created since.
    pub is_current: bool,
}

impl Records {
    /// Reads all topics and dead-letter topics for the records of an order.
    pub async fn scan(settings: &Settings, order: Uuid) -> anyhow::Result<Self> {
        let (config, since) = (Config::load(settings)?, log_since(settings)?);
        let quiet = Arc::new(|_: &str, _, _| {});
        let read = topics::read(&config, &settings.read()?, since, clock::now(), quiet).await?;
        let own = |log: &Log| {
            let records = log.records.iter().filter(|record| record.key == Some(order));
            let seen =
                |record: &Record| SeenRecord { topic: log.topic.clone(), record: record.clone(), is_current: true };
            records.map(seen).collect::<Vec<_>>()
        };
        Ok(Self {
            topics: read.logs.iter().map(|log| (log.topic.clone(), log.complete_since)).collect(),
            records: read.logs.iter().flat_map(own).collect(),
            dead_letters: Some(read.dead_letters.into_iter().flat_map(|dead| dead.letters).collect()),
        })
    }

    pub(super) fn events(&self) -> impl Iterator<Item = Uuid> {
        self.records.iter().filter_map(|seen| seen.record.event)
    }

    /// Returns a log for each route. A record without a known type counts for the first route of its topic.
    pub(super) fn logs(&self, topics: &Topics) -> Vec<Log> {
        let mut logs: Vec<Log> = Vec::with_capacity(ROUTES.len());
        for route in &ROUTES {
            let topic = route.topic(topics);
            let is_first = logs.iter().all(|log| log.topic != topic);
            let is_routed = |kind: &str| ROUTES.iter().any(|one| one.kind == kind && one.topic(topics) == topic);
            let records = self.records.iter().filter(|seen| seen.topic == topic).map(|seen| &seen.record);
            let own = records.filter(|record| match &record.kind {
                Some(kind) if is_routed(kind) => *kind == route.kind,
                _ => is_first,
            });
            logs.push(Log {
                topic: topic.to_owned(),
                kind: kind(route.kind),
                // No record is expected in a topic that is not read.
                complete_since: self.topics.get(topic).copied().unwrap_or(Some(DateTime::<Utc>::MAX_UTC)),
                records: own.cloned().collect(),
            });
        }
        logs
    }

    /// Returns the dead-letter topics of all consumed events; none if the caller does not read them.
    pub(super) fn dead_letters(&self, topics: &Topics) -> Vec<DeadLetters> {
        let Some(letters) = &self.dead_letters else { return Vec::new() };
        let consumed = ROUTES.iter().filter(|route| !route.consumers.is_empty());
        let of_topic = |topic: &str| letters.iter().filter(|letter| letter.topic == topic).cloned().collect();
        let dead = consumed.map(|route| route.topic(topics));
        dead.map(|topic| DeadLetters { topic: dead_letter_topic(topic), letters: of_topic(topic) }).collect()
    }
}
