//! The journal of dead letters: a topic that earlier versions have instead of the table `resolved_letters`.
//!
//! The letters that it resolves count like rows of the table, into which a job copies them. The release after next
//! removes this module: by then every shop has started once with the table.

use std::collections::HashMap;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use contracts::events::JOURNAL;
use platform::{
    jobs::Job,
    kafka::{Config, Reader},
    postgres::Database,
    retry,
};
use serde::Deserialize;
use uuid::Uuid;

use crate::{
    dead_letters::Origin,
    repository::resolved_letters::{Action, ResolvedLetter, ResolvedLetters},
};

/// The consumer group of the reads. It commits no offsets.
const GROUP: &str = "shipyard-dlq";

/// An entry of the journal. Older versions wrote neither `record` nor `origin`.
#[derive(Deserialize)]
struct Entry {
    letter: String,
    given_up_at: DateTime<Utc>,
    action: Action,
    who: String,
    at: DateTime<Utc>,
    why: String,
    group: String,
    event: Option<Uuid>,
    order: Option<Uuid>,
    #[serde(default)]
    record: Option<(i32, i64)>,
    #[serde(default)]
    origin: Origin,
}

impl From<Entry> for ResolvedLetter {
    fn from(entry: Entry) -> Self {
        let (partition, record_offset) = entry.record.unzip();
        Self {
            letter: entry.letter,
            given_up_at: entry.given_up_at,
            action: entry.action,
            decided_by: entry.who,
            at: entry.at,
            // PostgreSQL cannot store U+0000.
            why: entry.why.replace('\0', ""),
            consumer: entry.group,
            event_uuid: entry.event,
            order_uuid: entry.order,
            partition,
            record_offset,
            cluster: entry.origin.cluster,
            published_at: entry.origin.at,
        }
    }
}

/// Copies the letters that the table lacks, once at the start. Retries until it has succeeded.
pub fn import_journal(config: Config, database: Database) -> Job {
    Job::new("import-journal", |stop| async move {
        let (what, letters) = ("importing the journal of dead letters", ResolvedLetters::new(database));
        let import = || async { letters.import(&read(&config).await?).await };
        retry::while_unavailable(what, |_| true, &stop, import).await
    })
}

/// Returns the latest entry of each letter, as the journal was compacted; none if there is no journal.
pub async fn read(config: &Config) -> anyhow::Result<Vec<ResolvedLetter>> {
    let config = config.clone();
    tokio::task::spawn_blocking(move || {
        let topic = format!("{}{JOURNAL}", config.kafka_group_prefix);
        let (reader, mut latest) = (Reader::new(&config, GROUP)?, HashMap::new());
        reader.read(&topic, &reader.extents(&topic)?, |message, _| {
            match serde_json::from_slice::<Entry>(&message.payload) {
                Ok(entry) => {
                    latest.insert(message.key, entry.into());
                }
                Err(error) => {
                    tracing::warn!(topic, offset = message.offset, %error, "unreadable journal entry skipped");
                }
            }
        })?;
        Ok(latest.into_values().collect())
    })
    .await
    .context("reading the journal of dead letters")?
}
