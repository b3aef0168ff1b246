//! The backlog of each outbox, with the replica that publishes it, and the lag of each consumer, from the broker's
//! committed offsets.

use std::collections::{BTreeMap, HashMap};

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use contracts::{
    events::{Consumer, Topics, readers},
    proto::operations::v1::{OutboxState, PartitionLag},
};
use futures::{StreamExt as _, TryStreamExt as _, future::join_all, stream};
use platform::{
    grpc::timestamp,
    kafka::{Config, Extent, Mark, Reader},
    server::service::Service,
};
use sqlx::FromRow;

use crate::databases::Databases;

/// Every subquery uses the index of the unpublished rows, or the key of the lease.
const BACKLOG: &str = "select
        (select count(*) from outbox where published_at is null and set_aside_at is null) as waiting,
        (select count(*) from outbox where published_at is null and set_aside_at is not null) as set_aside,
        (select created_at from outbox where published_at is null order by id limit 1) as oldest,
        (select holder from leases where name = 'outbox' and expires_at > now()) as relay,
        (select expires_at from leases where name = 'outbox' and expires_at > now()) as relay_until";

#[derive(Default, FromRow)]
struct Backlog {
    waiting: i64,
    set_aside: i64,
    oldest: Option<DateTime<Utc>>,
    relay: Option<String>,
    relay_until: Option<DateTime<Utc>>,
}

/// Returns the outbox of each service that has one, except iam's if `databases` lack it. If a database does not
/// respond, its outbox has the error.
pub async fn outboxes(databases: &Databases) -> Vec<OutboxState> {
    join_all(databases.with_outbox().map(|service| outbox(databases, service))).await
}

async fn outbox(databases: &Databases, service: &'static Service) -> OutboxState {
    let read = async { anyhow::Ok(sqlx::query_as(BACKLOG).fetch_one(databases.get(service)?).await?) };
    let (backlog, error) = match read.await.with_context(|| format!("reading the database of {service}")) {
        Ok(backlog) => (backlog, None),
        Err(error) => (Backlog::default(), Some(format!("{error:#}"))),
    };
    let Backlog { waiting, set_aside, oldest, relay, relay_until } = backlog;
    OutboxState {
        service: service.name.to_owned(),
        error,
        waiting,
        set_aside,
        oldest: oldest.map(timestamp),
        relay,
        relay_until: relay_until.map(timestamp),
    }
}

/// The maximum number of consumer groups that are queried concurrently: each needs a connection to the broker.
const MAX_CONCURRENT_GROUPS: usize = 6;
/// The consumer group for reading the topics' ends. It commits nothing.
const GROUP: &str = "shipyard-lag";

/// Returns the lag of each consumer in each partition of its topic, without its history. A topic that does not exist is
/// left out.
pub async fn lag(config: &Config, topics: &Topics) -> anyhow::Result<Vec<PartitionLag>> {
    let consumers: Vec<(&'static Consumer, String)> =
        readers(topics).map(|(consumer, topic)| (consumer, topic.to_owned())).collect();
    let names: Vec<String> = consumers.iter().map(|(_, topic)| topic.clone()).collect();
    let own = config.clone();
    let reading = tokio::task::spawn_blocking(move || extents(&own, &names));
    let extents = reading.await.context("reading the ends of the topics")??;
    let asked: Vec<_> = consumers
        .into_iter()
        .map(|(consumer, topic)| {
            let (config, extents) = (config.clone(), extents.get(&topic).cloned().unwrap_or_default());
            async move {
                let reading = tokio::task::spawn_blocking(move || of_consumer(&config, consumer, &topic, &extents));
                reading.await.context("reading the offsets of a consumer")?
            }
        })
        .collect();
    let read: Vec<Vec<PartitionLag>> = stream::iter(asked).buffered(MAX_CONCURRENT_GROUPS).try_collect().await?;
    Ok(read.concat())
}

fn extents(config: &Config, topics: &[String]) -> anyhow::Result<BTreeMap<String, Vec<Extent>>> {
    let reader = Reader::new(config, GROUP)?;
    let mut all = BTreeMap::new();
    for topic in topics {
        if !all.contains_key(topic) {
            all.insert(topic.clone(), reader.extents(topic)?);
        }
    }
    Ok(all)
}

fn of_consumer(
    config: &Config,
    consumer: &'static Consumer,
    topic: &str,
    extents: &[Extent],
) -> anyhow::Result<Vec<PartitionLag>> {
    let partitions: Vec<i32> = extents.iter().map(|extent| extent.partition).collect();
    let marks: HashMap<i32, Mark> = if partitions.is_empty() {
        HashMap::new()
    } else {
        Reader::new(config, consumer.group)?.marks(topic, &partitions)?
    };
    let partition = |Extent { partition, start, end }: &Extent| {
        let committed = marks.get(partition).map(|mark| mark.next);
        PartitionLag {
            service: consumer.service.to_owned(),
            group: consumer.group.to_owned(),
            topic: topic.to_owned(),
            partition: *partition,
            committed,
            end: *end,
            lag: (end - committed.unwrap_or(*start).max(*start)).max(0),
            history: Vec::new(),
        }
    };
    Ok(extents.iter().map(partition).collect())
}
