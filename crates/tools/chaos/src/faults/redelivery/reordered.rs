//! Reordered events: consumers receive shuffled copies of the events they have not consumed.

use std::{collections::HashMap, time::Duration};

use anyhow::{Context as _, ensure};
use operations::registry::of_orders;
use platform::kafka::Extent;
use rand::seq::SliceRandom as _;
use tokio::time::{Instant, sleep, timeout};

use super::{super::crash_points::unpublished, POLL_INTERVAL, event, movable};
use crate::{
    cluster::{Cluster, Link, MAX_BUILD_TIME},
    experiment::{Experiment, Injected, Injection},
    topics::{self, Progress, Topic},
};
use platform::server::service::Service;

const EVENTS_TIMEOUT: Duration = Duration::from_secs(20);

/// Makes the stopped consumers of orders' events receive shuffled copies instead of the originals.
///
/// The services start at once. The cause counts as removed when they are ready.
pub async fn shuffled(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let enough = experiment.scale(100, 30);
    let cluster = &mut experiment.cluster;
    if let Err(reason) = movable(cluster) {
        return Ok(Injected::Skipped(reason));
    }
    // Customers can still order, but the events stay in the outbox, or wait for the killed consumers.
    cluster.links.get(Link::Kafka)?.hang();
    let is_called = |one: &&Service| order::SERVICE.calls.iter().any(|call| call.to == one.name);
    let others = of_orders().filter(|one| *one != &order::SERVICE);
    let (called, uncalled): (Vec<_>, Vec<_>) = others.partition(is_called);
    for service in uncalled {
        cluster.replicas.kill(service).await;
    }
    let before = written(cluster).await?;
    let until = Instant::now() + EVENTS_TIMEOUT;
    while written(cluster).await? < before + enough && Instant::now() < until {
        sleep(POLL_INTERVAL).await;
    }
    for service in called {
        cluster.replicas.kill(service).await;
    }
    cluster.links.get(Link::Kafka)?.reset();
    until_published(cluster, &order::SERVICE).await?;
    cluster.replicas.kill(&order::SERVICE).await;
    let stopped: Vec<_> = of_orders().collect();
    let ordered = mix(experiment, &order::SERVICE, &stopped).await?;
    // Assembly builds ships from the shuffled events while no consumer of its own events runs.
    experiment.cluster.replicas.revive(&assembly::SERVICE).await?;
    until_built(&experiment.cluster).await?;
    let stopped: Vec<_> = of_orders().filter(|one| *one != &assembly::SERVICE).collect();
    let built = mix(experiment, &assembly::SERVICE, &stopped).await?;
    let cluster = &mut experiment.cluster;
    for service in &stopped {
        cluster.replicas.start(service, &[])?;
    }
    cluster.replicas.all_ready().await?;
    experiment.cause_removed();
    let mut done = Injection { times: ordered + built, ..Injection::default() };
    for (count, of) in [(ordered, &order::SERVICE), (built, &assembly::SERVICE)] {
        done.notes.push(format!("consumers got {count} events of {of} in any order"));
        if count == 0 {
            done.idle.push(format!("no consumer lacked events of {of}"));
        }
    }
    Ok(Injected::Done(done))
}

/// Republishes a producer's events that the stopped consumers have not consumed, shuffled across all its topics, and
/// moves these consumers' offsets past the originals. Other consumers get the originals and the copies: a broker does
/// not let a tool move the offsets of a group with members. Returns how many events were republished; an event that two
/// consumers have not consumed counts twice.
async fn mix(
    experiment: &mut Experiment,
    producer: &'static Service,
    stopped: &[&'static Service],
) -> anyhow::Result<usize> {
    let cluster = &experiment.cluster;
    let mut progress = topics::progress(cluster).await?;
    progress.retain(|one| {
        let is_stopped = stopped.iter().any(|service| service.name == one.consumer.service);
        one.topic.route.producer == producer.name && is_stopped && one.uncommitted() > 0
    });
    let mut lacking: HashMap<&str, Topic> = HashMap::new();
    for one in &progress {
        let of_others = |extent: &Extent| {
            let same = progress.iter().filter(|other| other.topic.name == one.topic.name);
            same.map(|other| other.next(extent)).min().unwrap_or(extent.end)
        };
        lacking.insert(&one.topic.name, one.topic.from(of_others));
    }
    let records: usize = lacking.values().map(Topic::records).sum();
    let mut events = topics::read(cluster, lacking.into_values().collect(), event).await?;
    ensure!(
        events.len() == records,
        "among {records} records that no consumer has committed, {} are events",
        events.len()
    );
    // The order in which topics are read varies. Sorting makes the shuffle reproducible.
    events.sort_by(|(_, one), (_, other)| (&one.topic, &one.key).cmp(&(&other.topic, &other.key)));
    events.shuffle(&mut experiment.random);
    topics::publish(cluster, events.into_iter().map(|(_, record)| record).collect()).await?;
    for one in &progress {
        topics::place(cluster, one.consumer, &one.topic, |extent| extent.end).await?;
    }
    Ok(progress.iter().map(Progress::uncommitted).sum())
}

async fn written(cluster: &Cluster) -> anyhow::Result<i64> {
    cluster.count(&order::SERVICE, "select count(*) from outbox").await
}

async fn until_published(cluster: &Cluster, service: &'static Service) -> anyhow::Result<()> {
    let published = async {
        while !unpublished(cluster, service).await?.is_empty() {
            sleep(POLL_INTERVAL).await;
        }
        anyhow::Ok(())
    };
    timeout(EVENTS_TIMEOUT, published).await.with_context(|| format!("{service} does not publish"))?
}

/// Waits until assembly has consumed every order and reported each result.
async fn until_built(cluster: &Cluster) -> anyhow::Result<()> {
    let taken = async {
        while topics::progress(cluster).await?.iter().any(|one| is_of(one, &assembly::SERVICE) && one.uncommitted() > 0)
        {
            sleep(POLL_INTERVAL).await;
        }
        anyhow::Ok(())
    };
    timeout(topics::DEAD_MEMBER_TIMEOUT, taken).await.context("assembly does not take what was mixed")??;
    sleep(MAX_BUILD_TIME + POLL_INTERVAL).await;
    until_published(cluster, &assembly::SERVICE).await
}

fn is_of(progress: &Progress, service: &'static Service) -> bool {
    progress.consumer.service == service.name
}
