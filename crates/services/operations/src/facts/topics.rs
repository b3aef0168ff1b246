//! Reads the retained records of topics and dead-letter topics. A topic with several event types is read once.

use std::{collections::HashMap, sync::Arc};

use anyhow::Context as _;
use audit::facts::{self, Completion, DeadLetters, Log, Record, kind};
use chrono::{DateTime, Utc};
use contracts::events::{self, PaymentCompleted, Published as _, ROUTES, Route, Topics};
use platform::kafka::{self, Extent, Reader, dead_letter_topic, retention};
use uuid::Uuid;

use crate::dead_letters::{self, Beginning, DeadLetter, Origin, event_uuid};

/// A progress callback: topic, records read, total records.
pub type Progress = Arc<dyn Fn(&str, usize, usize) + Send + Sync>;

/// The callback is called again after this number of records of a topic.
pub(super) const PROGRESS_EVERY: usize = 100_000;

/// The consumer group of a tool's reads; the tool never joins it.
pub(super) const GROUP: &str = "shipyard-audit";

#[derive(Default)]
pub struct Read {
    pub logs: Vec<Log>,
    pub completions: Vec<Completion>,
    pub dead_letters: Vec<DeadLetters>,
}

/// Reads all topics. `since` is the time since which a non-persistent broker has records.
pub async fn read(
    config: &kafka::Config,
    topics: &Topics,
    since: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
    progress: Progress,
) -> anyhow::Result<Read> {
    let reader = Reader::new(config, GROUP)?;
    let mut carried: Vec<(String, Vec<&Route>)> = Vec::new();
    for route in &ROUTES {
        let topic = route.topic(topics);
        match carried.iter_mut().find(|(name, _)| name == topic) {
            Some((_, routes)) => routes.push(route),
            None => carried.push((topic.to_owned(), vec![route])),
        }
    }
    let reading = tokio::task::spawn_blocking(move || {
        let (mut read, mut cut) = (Read::default(), HashMap::new());
        for (topic, routes) in carried {
            // A topic that does not exist is left out; the audit reports it.
            if let Some((logs, oldest)) = logs(&reader, &routes, &topic, &progress, &mut read.completions)? {
                cut.extend(oldest.map(|oldest| (topic.clone(), oldest)));
                read.logs.extend(logs);
            }
            let dead = dead_letter_topic(&topic);
            let kept = |letter: DeadLetter| (letter.published(), letter.fact(routes[0].kind));
            if let Some(letters) = dead_letters::read(&reader, &dead, kept)? {
                let letters = compared(&Beginning::read(&reader, &topic, &reader.extents(&topic)?)?, letters);
                read.dead_letters.push(DeadLetters { topic: dead, letters });
            }
        }
        anyhow::Ok((read, cut))
    });
    let (mut read, cut) = reading.await.context("reading the topics")??;
    for log in &mut read.logs {
        let Some(oldest) = cut.get(&log.topic) else {
            log.complete_since = since;
            continue;
        };
        // If the broker does not report the topic's retention, or deletes by size, the topic is complete since the
        // latest first record of a partition that has lost records, and never if such a partition has no record.
        let retained = if since.is_none() { retention(config, &log.topic).await.ok().flatten() } else { None };
        log.complete_since = retained.map_or(Some(*oldest), |retention| Some(now - retention)).max(since);
    }
    Ok(read)
}

/// Returns the letters of a topic, each given with its origin. `is_current` is false for those whose origin is a
/// deleted topic of the same name.
fn compared(beginning: &Beginning, letters: Vec<(Origin, facts::DeadLetter)>) -> Vec<facts::DeadLetter> {
    let compared = letters.into_iter().map(|(origin, letter)| facts::DeadLetter {
        is_current: beginning.has(letter.partition, letter.offset, &origin),
        ..letter
    });
    compared.collect()
}

/// The logs of one topic, and the time since which the topic is complete, if it has lost records.
type Logs = (Vec<Log>, Option<DateTime<Utc>>);

/// Returns a topic's records by event type, and the time since which the topic is complete, if it has lost records.
/// `None` if the topic does not exist. Adds the `PaymentCompleted` events to `completions`.
///
/// The header `event-type` names a record's type. A record without a known type counts as one of the first type.
fn logs(
    reader: &Reader,
    routes: &[&Route],
    topic: &str,
    progress: &Progress,
    completions: &mut Vec<Completion>,
) -> anyhow::Result<Option<Logs>> {
    let extents = reader.extents(topic)?;
    if extents.is_empty() {
        return Ok(None);
    }
    let total: i64 = extents.iter().map(|extent| extent.end - extent.start).sum();
    let total = usize::try_from(total).unwrap_or_default();
    let empty = |route: &&Route| Log {
        topic: topic.to_owned(),
        kind: kind(route.kind),
        complete_since: None,
        records: Vec::new(),
    };
    let mut logs: Vec<Log> = routes.iter().map(empty).collect();
    let (mut firsts, mut read) = (HashMap::new(), 0);
    progress(topic, 0, total);
    reader.read(topic, &extents, |message, at| {
        firsts.entry(message.partition).or_insert(at);
        let named = message.headers.get(kafka::HEADER_EVENT_TYPE).map(kind);
        let place = logs.iter().position(|log| Some(&log.kind) == named.as_ref()).unwrap_or_default();
        let event = event_uuid(&logs[place].kind, &message);
        if logs[place].kind == PaymentCompleted::TYPE {
            completions.extend(events::read(&message).ok().and_then(Completion::from_event));
        }
        logs[place].records.push(Record {
            partition: message.partition,
            offset: message.offset,
            event,
            kind: named,
            key: str::from_utf8(&message.key).ok().and_then(|key| Uuid::try_parse(key).ok()),
            at,
        });
        read += 1;
        if read % PROGRESS_EVERY == 0 {
            progress(topic, read, total);
        }
    })?;
    Ok(Some((logs, latest_start(&extents, &firsts))))
}

/// Returns the time since which a topic is complete: that of the latest first record of a partition that has lost
/// records. `firsts` has the time of the first record of each partition. A partition without records may have lost one
/// of any time.
fn latest_start(extents: &[Extent], firsts: &HashMap<i32, DateTime<Utc>>) -> Option<DateTime<Utc>> {
    let cut = extents.iter().filter(|extent| extent.start > 0);
    cut.map(|extent| firsts.get(&extent.partition).copied().unwrap_or(DateTime::<Utc>::MAX_UTC)).max()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn a_topic_is_complete_since_the_latest_start_of_a_partition_that_has_lost_records() {
        let extent = |partition, start| Extent { partition, start, end: 9 };
        let at = |seconds| DateTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let firsts = HashMap::from([(0, at(1)), (1, at(2)), (2, at(3))]);

        assert_eq!(latest_start(&[extent(0, 0), extent(2, 0)], &firsts), None);
        assert_eq!(latest_start(&[extent(0, 4), extent(1, 5), extent(2, 0)], &firsts), Some(at(2)));
        let with_empty = [extent(0, 4), extent(3, 9)];
        assert_eq!(latest_start(&with_empty, &firsts), Some(DateTime::<Utc>::MAX_UTC));
    }

    #[test]
    fn a_letter_whose_record_was_in_an_earlier_topic_or_cluster_is_not_current() {
        let at = |hours| Some(DateTime::UNIX_EPOCH + TimeDelta::hours(hours));
        let first = HashMap::from([(0, (5, at(2).unwrap()))]);
        let beginning = Beginning { cluster: "ours".to_owned(), first };
        let letter = |(cluster, hours, partition, offset): (&str, Option<i64>, i32, i64)| {
            let letter = facts::DeadLetter {
                id: String::new(),
                given_up_at: DateTime::UNIX_EPOCH,
                topic: String::new(),
                partition,
                offset,
                is_current: true,
                group: String::new(),
                event: None,
                error: String::new(),
            };
            (Origin { cluster: cluster.to_owned(), at: hours.and_then(at) }, letter)
        };
        // The records of the letters: of an earlier topic, of another cluster, of this topic, expired, in an unread
        // partition, and unknown.
        let letters =
            [("ours", Some(1), 0, 7), ("other", Some(3), 0, 7), ("ours", Some(3), 0, 7), ("ours", Some(1), 0, 4)];
        let letters = letters.into_iter().chain([("", Some(1), 1, 7), ("", None, -1, -1)]);

        let compared = compared(&beginning, letters.map(letter).collect());

        let current: Vec<bool> = compared.iter().map(|letter| letter.is_current).collect();
        assert_eq!(current, [false, false, true, true, true, true]);
    }
}
