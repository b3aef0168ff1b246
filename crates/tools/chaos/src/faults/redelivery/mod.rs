//! Events are redelivered, many times or reordered, and poison messages are sent.

mod reordered;

use std::{cmp::Reverse, collections::HashSet, time::Duration};

use chrono::{DateTime, Utc};
use contracts::events::{ROUTES, Route};
use outbox::{HEADER_EVENT_UUID, Record};
use platform::kafka::Message;
use tokio::time::{Instant, sleep};

use self::reordered::shuffled;
use super::inject;
use crate::{
    cluster::Cluster,
    experiment::{Experiment, Fault, Injected, Injection},
    poison,
    topics::{self, Progress, Topic},
};

pub const FAULTS: [Fault; 4] = [
    Fault::new(9, "topics-again", "every consumer rereads every topic from the beginning", inject!(topics_again)),
    Fault::new(
        9,
        "events-five-times",
        "the latest 100 events, and those that follow, are published again",
        inject!(five_times),
    )
    .lasting(10, 10)
    .times(5, 5),
    Fault::new(9, "events-shuffled", "consumers receive their pending events shuffled", inject!(shuffled)),
    Fault::new(
        9,
        "poison",
        "poison in every topic: invalid bytes, an unknown type, an unknown value, and 2 MB",
        inject!(poisoned),
    ),
];

/// A group with pending records may make no progress for this long.
const PROGRESS_TIMEOUT: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Makes every group consume its topic again from the beginning. The cause counts as removed when all is consumed
/// again.
async fn topics_again(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let cluster = &mut experiment.cluster;
    if let Err(reason) = movable(cluster) {
        return Ok(Injected::Skipped(reason));
    }
    cluster.replicas.kill_all().await;
    let topics = topics::all(cluster).await?;
    let (mut groups, mut records) = (0, 0);
    for topic in &topics {
        for consumer in topic.route.consumers {
            topics::place(cluster, consumer, topic, |extent| extent.start).await?;
            groups += 1;
            records += topic.records();
        }
    }
    cluster.replicas.revive_all().await?;
    let ready = Instant::now();
    let problems = until_taken(cluster, &topics).await?;
    experiment.cause_removed();
    let took = ready.elapsed().as_secs_f64();
    let failed = experiment.load.journal.measurements().last_failure(ready);
    let failed = failed.map_or(0.0, |failed| (failed - ready).as_secs_f64());
    let notes = vec![
        format!("{groups} groups took {records} records again in {took:.1} s"),
        format!("the last request failed {failed:.1} s after all were ready"),
    ];
    Ok(Injected::Done(Injection {
        times: if records > 0 { groups } else { 0 },
        problems,
        notes,
        ..Injection::default()
    }))
}

/// Waits until every group has consumed these topics. Returns a problem if a group makes no progress.
pub(super) async fn until_taken(cluster: &Cluster, topics: &[Topic]) -> anyhow::Result<Vec<String>> {
    let (mut least, mut moved) = (usize::MAX, Instant::now());
    loop {
        let progress = topics::progress(cluster).await?;
        let of = |one: &Progress| topics.iter().find(|topic| topic.name == one.topic.name);
        let uncommitted = |one: &Progress| of(one).map_or(0, |topic| one.uncommitted_of(topic));
        let left = progress.iter().map(uncommitted).sum();
        if left < least {
            (least, moved) = (left, Instant::now());
        }
        if left == 0 {
            return Ok(Vec::new());
        }
        if moved.elapsed() >= PROGRESS_TIMEOUT {
            let late = progress.iter().filter(|one| uncommitted(one) > 0);
            return Ok(late.map(|one| format!("not taken again: {one}")).collect());
        }
        sleep(POLL_INTERVAL).await;
    }
}

async fn five_times(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let until = Instant::now() + experiment.lasting;
    let (mut known, mut count) = (HashSet::new(), 0);
    let mut topics = topics::all(&experiment.cluster).await?;
    let mut records = latest(experiment, 100).await?;
    experiment.cause_begins();
    loop {
        // The copies come back as records that follow.
        records.retain(|record| known.insert(record.headers.get(HEADER_EVENT_UUID).cloned()));
        for _ in 0..experiment.times {
            topics::publish(&experiment.cluster, records.clone()).await?;
        }
        count += records.len() * experiment.times;
        if Instant::now() >= until {
            break;
        }
        sleep(POLL_INTERVAL).await;
        let now = topics::all(&experiment.cluster).await?;
        let new = now.iter().zip(&topics).map(|(now, before)| now.since(before)).collect();
        records = topics::read(&experiment.cluster, new, |_, message, _| topics::again(message)).await?;
        topics = now;
    }
    experiment.cause_removed();
    Ok(Injected::Done(Injection::at_least_one(count, "there are no events")))
}

/// Returns why the groups' offsets cannot be moved, as an error.
fn movable(cluster: &Cluster) -> Result<(), String> {
    let real = cluster.servers.broker.real().map(drop);
    real.map_err(|reason| format!("{reason}, and its groups are moved by members alone"))
}

async fn poisoned(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let count = poison::send(&mut experiment.cluster).await?;
    experiment.cause_removed();
    let small = experiment.cluster.servers.broker.real().err().map(|reason| format!("none of 2 MB: {reason}"));
    Ok(Injected::Done(Injection { times: count, notes: small.into_iter().collect(), ..Injection::default() }))
}

/// Returns the latest events of each topic, up to `count` in total.
async fn latest(experiment: &Experiment, count: usize) -> anyhow::Result<Vec<Record>> {
    let each = count / ROUTES.len();
    let back = i64::try_from(each)?;
    let mut latest = Vec::new();
    for topic in topics::all(&experiment.cluster).await? {
        let mut events = topics::read(&experiment.cluster, vec![topic.from(|extent| extent.end - back)], event).await?;
        events.sort_by_key(|(at, _)| Reverse(*at));
        latest.extend(events.into_iter().take(each).map(|(_, record)| record));
    }
    Ok(latest)
}

/// Returns the event as a record to publish again, with its timestamp.
fn event(_: &Route, message: Message, at: DateTime<Utc>) -> Option<(DateTime<Utc>, Record)> {
    topics::again(message).map(|record| (at, record))
}
