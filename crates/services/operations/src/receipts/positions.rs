//! The positions of consumers: whether their committed offsets have passed events that they have not handled.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use anyhow::Context as _;
use audit::{facts::Position, receipt::Unhandled};
use platform::kafka::{self, Reader};
use tokio::time::timeout;

use super::{Records, SeenRecord};

/// The time limit for all responses of the broker.
const BROKER_TIMEOUT: Duration = Duration::from_millis(1_500);

/// Returns the positions of the consumers of these events. Events whose record is not known are left out.
pub async fn of(config: &kafka::Config, waiting: Vec<Unhandled>, records: &Records) -> anyhow::Result<Vec<Position>> {
    let is_of = |seen: &SeenRecord, one: &Unhandled| seen.is_current && seen.record.event == Some(one.event);
    let waiting: Vec<(Unhandled, Vec<SeenRecord>)> = waiting
        .into_iter()
        .map(|one| {
            let own = records.records.iter().filter(|seen| is_of(seen, &one)).cloned().collect();
            (one, own)
        })
        .filter(|(_, own): &(_, Vec<_>)| !own.is_empty())
        .collect();
    if waiting.is_empty() {
        return Ok(Vec::new());
    }
    let config = config.clone();
    let reading = tokio::task::spawn_blocking(move || read(&config, &waiting));
    timeout(BROKER_TIMEOUT, reading).await.context("the broker does not respond in time")?.context("reading offsets")?
}

fn read(config: &kafka::Config, waiting: &[(Unhandled, Vec<SeenRecord>)]) -> anyhow::Result<Vec<Position>> {
    let mut by_group: BTreeMap<&str, Vec<&(Unhandled, Vec<SeenRecord>)>> = BTreeMap::new();
    for one in waiting {
        by_group.entry(one.0.consumer.group).or_default().push(one);
    }
    let mut positions = Vec::new();
    for (group, waiting) in by_group {
        let reader = Reader::new(config, group)?;
        let mut next: HashMap<(String, i32), i64> = HashMap::new();
        for (topic, partitions) in partitions(&waiting) {
            let marks = reader.marks(topic, &Vec::from_iter(partitions))?;
            next.extend(marks.into_iter().map(|(partition, mark)| ((topic.to_owned(), partition), mark.next)));
        }
        for (one, records) in waiting {
            let is_past = |SeenRecord { topic, record, .. }: &SeenRecord| {
                next.get(&(topic.clone(), record.partition)).is_some_and(|next| *next > record.offset)
            };
            let is_past = records.iter().all(is_past);
            positions.push(Position { group: group.to_owned(), event: one.event, is_past });
        }
    }
    Ok(positions)
}

/// Returns, by topic, the partitions that have the records of these events.
fn partitions<'a>(waiting: &[&'a (Unhandled, Vec<SeenRecord>)]) -> BTreeMap<&'a str, BTreeSet<i32>> {
    let mut partitions: BTreeMap<&str, BTreeSet<i32>> = BTreeMap::new();
    for seen in waiting.iter().flat_map(|(_, records)| records) {
        partitions.entry(&seen.topic).or_default().insert(seen.record.partition);
    }
    partitions
}
