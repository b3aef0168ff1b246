//! Direct access to the topics, bypassing the services.

use std::{collections::HashMap, fmt, sync::Arc, time::Duration};

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use contracts::events::{Consumer, INBOUND, InboundTopic, ROUTES, Route};
use futures::future::try_join_all;
use outbox::{HEADER_EVENT_UUID, Publisher as _, Record};
use platform::kafka::{Extent, KafkaPublisher, Mark, Message, Reader};
use uuid::Uuid;

use super::{cluster::Cluster, wait::retried};
use operations::dead_letters::{DeadLetter, event_uuid};

/// A consumer group may list dead members for this long: the session timeout and a margin.
pub const DEAD_MEMBER_TIMEOUT: Duration = Duration::from_secs(30);
/// The consumer group of this tool's reads.
const GROUP: &str = "shipyard-chaos";

/// A topic, and its range of records when this value was read.
#[derive(Clone, Debug)]
pub struct Topic {
    pub route: &'static Route,
    pub name: String,
    pub extents: Vec<Extent>,
}

/// The committed offsets of a consumer group in a topic.
#[derive(Clone, Debug)]
pub struct Progress {
    pub topic: Arc<Topic>,
    pub consumer: &'static Consumer,
    /// The first uncommitted offset by partition.
    pub next: HashMap<i32, i64>,
}

#[derive(Clone, Copy, Debug)]
pub struct Event {
    pub route: &'static Route,
    pub uuid: Uuid,
    pub partition: i32,
    pub offset: i64,
}

/// Returns every topic that a service of this shop consumes.
pub async fn all(cluster: &Cluster) -> anyhow::Result<Vec<Topic>> {
    let consumed = { const { &ROUTES } }.iter().filter(|route| !route.consumers.is_empty());
    let topics: Vec<(&Route, String)> =
        consumed.map(|route| (route, route.topic(&cluster.sources.topics).to_owned())).collect();
    blocking(cluster, GROUP, move |reader| {
        let all = topics.into_iter().map(|(route, name)| Ok(Topic { route, extents: reader.extents(&name)?, name }));
        all.collect()
    })
    .await
}

/// Returns the progress of every consumer group in the current records of its topic.
pub async fn progress(cluster: &Cluster) -> anyhow::Result<Vec<Progress>> {
    let topics = all(cluster).await?.into_iter().map(Arc::new);
    let consumers = topics.flat_map(|topic| topic.route.consumers.iter().map(move |one| (topic.clone(), one)));
    // A Kafka client sees only its own group's offsets, so each group needs a client.
    try_join_all(consumers.map(|(topic, consumer)| {
        blocking(cluster, consumer.group, move |reader| {
            let partitions: Vec<i32> = topic.extents.iter().map(|extent| extent.partition).collect();
            let marks = reader.marks(&topic.name, &partitions)?;
            let next = topic.extents.iter().map(|extent| {
                let next = marks.get(&extent.partition).map_or(extent.start, |mark| mark.next);
                (extent.partition, next)
            });
            Ok(Progress { next: next.collect(), topic, consumer })
        })
    }))
    .await
}

/// Returns the uncommitted records by group, such as `12 records of order.paid for assembly-group-order-paid`.
pub async fn uncommitted_by_group(cluster: &Cluster) -> anyhow::Result<Vec<String>> {
    let progress = progress(cluster).await?;
    let mut waiting: Vec<String> =
        progress.iter().filter(|one| one.uncommitted() > 0).map(Progress::to_string).collect();
    for inbound in INBOUND {
        let count = uncommitted_from_outside(cluster, inbound).await?;
        let topic = inbound.topic(&cluster.sources.topics);
        waiting.extend((count > 0).then(|| format!("{count} records of {topic} for {}", inbound.consumer.group)));
    }
    Ok(waiting)
}

/// Returns the number of records of an inbound topic (written by outside programs) that its consumer group has not
/// committed.
pub async fn uncommitted_from_outside(cluster: &Cluster, inbound: InboundTopic) -> anyhow::Result<usize> {
    let topic = inbound.topic(&cluster.sources.topics).to_owned();
    blocking(cluster, inbound.consumer.group, move |reader| {
        let extents = reader.extents(&topic)?;
        let partitions: Vec<i32> = extents.iter().map(|extent| extent.partition).collect();
        let marks = reader.marks(&topic, &partitions)?;
        let next = |extent: &Extent| marks.get(&extent.partition).map_or(extent.start, |mark| mark.next);
        Ok(extents.iter().map(|extent| count(next(extent), extent.end)).sum())
    })
    .await
}

/// Makes the consumer group of an inbound topic (written by outside programs) read it again from the beginning. Returns
/// the number of records.
pub async fn rewind(cluster: &Cluster, inbound: InboundTopic) -> anyhow::Result<usize> {
    let topic = inbound.topic(&cluster.sources.topics).to_owned();
    once_gone(cluster, inbound.consumer.group, move |reader| {
        let extents = reader.extents(&topic)?;
        for extent in &extents {
            reader.mark(&topic, extent.partition, &Mark { next: extent.start, ..Mark::default() })?;
        }
        Ok(extents.iter().map(|extent| count(extent.start, extent.end)).sum())
    })
    .await
}

/// Maps the records of these topics with `keep`, partition by partition in offset order.
pub async fn read<T: Send + 'static>(
    cluster: &Cluster,
    topics: Vec<Topic>,
    keep: impl Fn(&'static Route, Message, DateTime<Utc>) -> Option<T> + Send + 'static,
) -> anyhow::Result<Vec<T>> {
    blocking(cluster, GROUP, move |reader| {
        let mut kept = Vec::new();
        for topic in topics {
            reader.read(&topic.name, &topic.extents, |message, at| kept.extend(keep(topic.route, message, at)))?;
        }
        Ok(kept)
    })
    .await
}

pub async fn events(cluster: &Cluster) -> anyhow::Result<Vec<Event>> {
    let topics = all(cluster).await?;
    read(cluster, topics, |route, message, _| {
        let uuid = event_uuid(route.kind, &message)?;
        Some(Event { route, uuid, partition: message.partition, offset: message.offset })
    })
    .await
}

/// Sets a consumer group's offsets to the result of `to` for each partition.
pub async fn place(
    cluster: &Cluster,
    consumer: &'static Consumer,
    topic: &Topic,
    to: fn(&Extent) -> i64,
) -> anyhow::Result<()> {
    let topic = topic.clone();
    once_gone(cluster, consumer.group, move |reader| {
        let mut marks = topic.extents.iter().map(|extent| (extent.partition, to(extent)));
        marks.try_for_each(|(partition, next)| reader.mark(&topic.name, partition, &Mark { next, ..Mark::default() }))
    })
    .await
}

/// Publishes the records. Returns when the broker has acknowledged all.
pub async fn publish(cluster: &Cluster, records: Vec<Record>) -> anyhow::Result<()> {
    KafkaPublisher::new(&cluster.sources.kafka)?.publish(records).await
}

/// Publishes the messages of dead letters again, one by one.
pub async fn replay(cluster: &Cluster, letters: &[DeadLetter]) -> anyhow::Result<()> {
    let publisher = KafkaPublisher::new(&cluster.sources.kafka)?;
    for letter in letters {
        publisher.publish_exact(&letter.original()).await?;
    }
    Ok(())
}

/// Returns an event as a record to publish again; `None` for poison, whose offsets the audit must know.
pub fn again(message: Message) -> Option<Record> {
    let Message { topic, key, payload, headers, .. } = message;
    let is_event = headers.get(HEADER_EVENT_UUID).is_some();
    let headers = headers.texts().map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
    is_event.then_some(Record { topic, key, payload, headers })
}

async fn blocking<T: Send + 'static>(
    cluster: &Cluster,
    group: &'static str,
    work: impl FnOnce(Reader) -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    let config = cluster.sources.kafka.clone();
    tokio::task::spawn_blocking(move || work(Reader::new(&config, group)?)).await.context("reading topics")?
}

/// Moves the offsets of a consumer group with `work`. Retries while the broker lists members of the group, since it
/// refuses that.
async fn once_gone<T: Send + 'static>(
    cluster: &Cluster,
    group: &'static str,
    work: impl Fn(&Reader) -> anyhow::Result<T> + Clone + Send + 'static,
) -> anyhow::Result<T> {
    let moved = retried(DEAD_MEMBER_TIMEOUT, async || {
        let work = work.clone();
        blocking(cluster, group, move |reader| work(&reader)).await
    });
    moved.await.with_context(|| format!("moving the offsets of {group}"))
}

impl Topic {
    pub fn records(&self) -> usize {
        self.extents.iter().map(|extent| count(extent.start, extent.end)).sum()
    }

    /// Returns the part of the topic from the offset that `from` returns for each partition.
    pub fn from(&self, from: impl Fn(&Extent) -> i64) -> Self {
        let extents = self.extents.iter().map(|extent| Extent { start: from(extent).max(extent.start), ..*extent });
        Self { extents: extents.collect(), ..self.clone() }
    }

    /// Returns the part of the topic added since `before`.
    pub fn since(&self, before: &Self) -> Self {
        let end = |partition| before.extents.iter().find(|one| one.partition == partition).map(|one| one.end);
        self.from(|extent| end(extent.partition).unwrap_or_default())
    }
}

impl Progress {
    pub fn has_inbox(&self) -> bool {
        self.topic.route.inboxes().contains(self.consumer)
    }

    pub fn uncommitted(&self) -> usize {
        self.uncommitted_of(&self.topic)
    }

    pub fn uncommitted_of(&self, topic: &Topic) -> usize {
        topic.extents.iter().map(|extent| count(self.next(extent), extent.end)).sum()
    }

    pub fn next(&self, extent: &Extent) -> i64 {
        self.next.get(&extent.partition).copied().unwrap_or(extent.start)
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} records of {} for {}", self.uncommitted(), self.topic.name, self.consumer.group)
    }
}

fn count(from: i64, to: i64) -> usize {
    usize::try_from(to - from).unwrap_or_default()
}
