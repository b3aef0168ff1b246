//! Crashes between two steps of an operation. A network fault holds the operation between the steps, so that the moment
//! does not depend on luck.

use std::{collections::HashSet, time::Duration};

use anyhow::Context as _;
use stand_ins::{ProviderFault, Proxy};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::{CHARGE_TIMEOUT, inject};
use crate::{
    cluster::{Cluster, Link},
    experiment::{Experiment, Fault, Injected, Injection},
    topics::{self, Event, Progress},
};
use platform::server::service::Service;

pub const FAULTS: [Fault; 4] = [
    Fault::new(
        2,
        "commit-publish",
        "every process of order and assembly dies after a commit, before its event is published",
        inject!(die_publishing(Proxy::hang, |caught| caught.elsewhere, "events were committed and not in their topic")),
    )
    .restarting(),
    Fault::new(
        2,
        "ack-mark",
        "every process of order and assembly dies after the broker has an event, before its row is marked",
        inject!(die_publishing(
            Proxy::mute,
            |caught| caught.published,
            "events were in their topic, and their rows not marked"
        )),
    )
    .restarting(),
    Fault::new(
        2,
        "commit-offset",
        "every consumer dies after the effect of an event, before the offset is committed",
        inject!(commit_offset),
    )
    .restarting(),
    Fault::new(
        2,
        "charge-commit",
        "every process of payment dies after the provider has charged, before that is recorded",
        inject!(charge_commit),
    )
    .times(5, 2)
    .restarting(),
];

const PRODUCERS: [&Service; 2] = [&order::SERVICE, &assembly::SERVICE];
/// A process must reach the crash point within this time; otherwise the fault fails.
const CRASH_TIMEOUT: Duration = Duration::from_secs(20);
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// After this time, a started relay publishes.
const START_TIME: Duration = Duration::from_secs(4);
/// The maximum number of attempts to crash a process at the intended point.
const MAX_ATTEMPTS: usize = 5;

/// Events whose rows were not marked as published when their producer crashed.
struct Caught {
    /// The number of events in their topic.
    published: usize,
    /// The number of events that are only in the outbox.
    elsewhere: usize,
}

/// Kills each producer while the link to Kafka has the fault `hurt`, until `count` finds affected events.
async fn die_publishing(
    experiment: &mut Experiment,
    hurt: fn(&Proxy),
    count: fn(&Caught) -> usize,
    what: &str,
) -> anyhow::Result<Injected> {
    if let Err(reason) = experiment.cluster.servers.broker.real() {
        return Ok(Injected::Skipped(reason));
    }
    let mut done = Injection::default();
    for service in PRODUCERS {
        let mut between = 0;
        for _ in 0..MAX_ATTEMPTS {
            // A started relay first checks its topics, which the fault would block.
            sleep(START_TIME).await;
            between = count(&die_unmarked(&mut experiment.cluster, service, hurt).await?);
            experiment.cause_removed();
            experiment.cluster.replicas.revive(service).await?;
            if between > 0 {
                break;
            }
        }
        record(&mut done, between, &format!("{what} at a death of {service}"));
    }
    Ok(Injected::Done(done))
}

/// Kills a producer's processes while the link to Kafka has a fault. Returns the affected events.
async fn die_unmarked(cluster: &mut Cluster, service: &'static Service, hurt: fn(&Proxy)) -> anyhow::Result<Caught> {
    hurt(cluster.links.get(Link::Kafka)?);
    until_unpublished(cluster, service).await?;
    // Records in flight when the fault began may have arrived. The fault affects later ones.
    sleep(Duration::from_secs(1)).await;
    cluster.replicas.kill(service).await;
    cluster.links.get(Link::Kafka)?.reset();
    let unmarked: HashSet<Uuid> = unpublished(cluster, service).await?.into_iter().collect();
    let events = topics::events(cluster).await?;
    let found: HashSet<Uuid> = events.iter().map(|event| event.uuid).filter(|uuid| unmarked.contains(uuid)).collect();
    Ok(Caught { published: found.len(), elsewhere: unmarked.len() - found.len() })
}

/// Kills all processes at once. The cause therefore counts as removed when all are ready again.
async fn commit_offset(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    if let Err(reason) = experiment.cluster.servers.broker.real() {
        return Ok(Injected::Skipped(reason));
    }
    let (mut done, mut between) = (Injection::default(), 0);
    for _ in 0..MAX_ATTEMPTS {
        between = die_uncommitted(&mut experiment.cluster).await?;
        experiment.cause_removed();
        if between > 0 {
            break;
        }
        // Offsets are committed twice a second, so sometimes no process is between the two steps.
        sleep(START_TIME).await;
    }
    record(&mut done, between, "events had had their effect, and their offset was not committed");
    Ok(Injected::Done(done))
}

/// Kills all processes while no offset can be committed, and restarts them. Returns the number of events that were
/// handled but whose offset was not committed.
async fn die_uncommitted(cluster: &mut Cluster) -> anyhow::Result<usize> {
    // Until they are killed, the processes handle fetched records and commit the effects to the database.
    cluster.links.get(Link::Kafka)?.hang();
    sleep(Duration::from_secs(2)).await;
    cluster.replicas.kill_all().await;
    cluster.links.get(Link::Kafka)?.reset();
    let between = effects_without_offset(cluster).await?;
    cluster.replicas.revive_all().await?;
    Ok(between)
}

/// Returns the number of events in the inbox of a consumer that has not committed their offset.
async fn effects_without_offset(cluster: &Cluster) -> anyhow::Result<usize> {
    let events = topics::events(cluster).await?;
    let mut count = 0;
    let progress = topics::progress(cluster).await?;
    for Progress { topic, consumer, next } in progress.into_iter().filter(Progress::has_inbox) {
        let inbox = sqlx::query_scalar("select event_uuid from inbox where consumer = $1");
        let inbox = inbox.bind(consumer.group).fetch_all(cluster.sources.databases.named(consumer.service)?).await?;
        let taken: HashSet<Uuid> = inbox.into_iter().collect();
        let uncommitted = |event: &Event| next.get(&event.partition).is_some_and(|next| event.offset >= *next);
        let own = events.iter().filter(|event| event.route.kind == topic.route.kind && uncommitted(event));
        count += own.filter(|event| taken.contains(&event.uuid)).count();
    }
    Ok(count)
}

async fn charge_commit(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    // The visitor of a playground has one charge.
    let times = if experiment.load.has_customers() { experiment.times } else { 1 };
    for _ in 0..times {
        experiment.cluster.provider.script([ProviderFault::Withheld]);
        let charged = async {
            while experiment.cluster.provider.withheld() == 0 {
                sleep(POLL_INTERVAL).await;
            }
        };
        timeout(CHARGE_TIMEOUT, charged).await.context("no charge was made")?;
        experiment.cause_begins();
        experiment.cluster.replicas.kill(&payment::SERVICE).await;
        experiment.cluster.provider.release();
        experiment.cause_removed();
        experiment.cluster.replicas.revive(&payment::SERVICE).await?;
    }
    Injected::times(times)
}

/// Records how many events were between the two steps.
fn record(done: &mut Injection, count: usize, what: &str) {
    if count == 0 {
        done.idle.push(format!("no {what}"));
    } else {
        done.times += 1;
        done.notes.push(format!("{count} {what}"));
    }
}

/// Returns the events in a service's outbox that are not marked as published.
pub async fn unpublished(cluster: &Cluster, service: &'static Service) -> anyhow::Result<Vec<Uuid>> {
    let question = sqlx::query_scalar("select event_uuid from outbox where published_at is null");
    Ok(question.fetch_all(cluster.sources.databases.get(service)?).await?)
}

/// Waits for [`unpublished`] events, and returns them.
async fn until_unpublished(cluster: &Cluster, service: &'static Service) -> anyhow::Result<Vec<Uuid>> {
    let some = async {
        loop {
            let events = unpublished(cluster, service).await?;
            if !events.is_empty() {
                return anyhow::Ok(events);
            }
            sleep(POLL_INTERVAL).await;
        }
    };
    timeout(CRASH_TIMEOUT, some).await.with_context(|| format!("{service} has nothing to publish"))?
}
