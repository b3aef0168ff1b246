//! Imports the journal of dead letters, a topic that earlier versions have instead of the table `resolved_letters`.
//!
//! This module goes with the release after next: by then every shop has started once with the table.

use std::collections::HashMap;

use anyhow::Context as _;
use contracts::events::JOURNAL;
use platform::{
    jobs::Job,
    kafka::{Config, Reader},
    postgres::Database,
    retry,
};
use serde_json::Value;

/// The consumer group of the reads. It commits no offsets.
const GROUP: &str = "shipyard-dlq";

/// Reads the whole journal once at the start, and adds the letters that the table lacks. Retries until it has succeeded.
pub fn import_journal(config: Config, database: Database) -> Job {
    Job::new("import-journal", |stop| async move {
        let what = "importing the journal of dead letters";
        retry::while_unavailable(what, |_| true, &stop, || import(&config, &database)).await
    })
}

async fn import(config: &Config, database: &Database) -> anyhow::Result<()> {
    let config = config.clone();
    let entries = tokio::task::spawn_blocking(move || read(&config)).await.context("reading the journal")??;
    let added = sqlx::query!(
        r#"insert into resolved_letters (letter, given_up_at, action, decided_by, at, why, consumer, event_uuid,
            order_uuid, partition, record_offset, cluster, published_at)
        select letter, given_up_at, action, who, at, why, "group", event, "order", (record ->> 0)::int,
            (record ->> 1)::bigint, coalesce(origin ->> 'cluster', ''), (origin ->> 'at')::timestamptz
        from jsonb_to_recordset($1) as entry (letter text, given_up_at timestamptz, action text, who text,
            at timestamptz, why text, "group" text, event uuid, "order" uuid, record jsonb, origin jsonb)
        on conflict do nothing"#,
        entries,
    );
    let added = added.execute(database).await.context("writing to the database of operations")?.rows_affected();
    tracing::info!(added, "journal of dead letters imported");
    Ok(())
}

/// Returns the latest entry of each letter, as the journal was compacted; none if there is no journal. Blocks.
fn read(config: &Config) -> anyhow::Result<Value> {
    let topic = format!("{}{JOURNAL}", config.kafka_group_prefix);
    let (reader, mut latest) = (Reader::new(config, GROUP)?, HashMap::new());
    reader.read(&topic, &reader.extents(&topic)?, |message, _| {
        match serde_json::from_slice::<Value>(&message.payload) {
            Ok(entry) => {
                latest.insert(message.key, entry);
            }
            Err(error) => tracing::warn!(topic, offset = message.offset, %error, "unreadable journal entry skipped"),
        }
    })?;
    Ok(latest.into_values().collect())
}
