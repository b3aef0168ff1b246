//! Death between two steps that belong together. The network is stopped just there, so that the moment is no matter of luck.

use std::{collections::HashSet, time::Duration};

use anyhow::Context as _;
use stand_ins::{ProviderFault, Proxy};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::inject;
use crate::{
    fault::{Done, Fault, Injected, Stage},
    topics::{self, Event, Progress},
    world::{Link, World},
};
use platform::service::Service;

pub const FAULTS: [Fault; 4] = [
    Fault {
        number: 2,
        name: "commit-publish",
        what: "every process of order and assembly dies after a commit, before its event is published",
        inject: inject!(commit_publish),
    },
    Fault {
        number: 2,
        name: "ack-mark",
        what: "every process of order and assembly dies after the broker has an event, before its row is marked",
        inject: inject!(ack_mark),
    },
    Fault {
        number: 2,
        name: "commit-offset",
        what: "every consumer dies after the effect of an event, before the offset is committed",
        inject: inject!(commit_offset),
    },
    Fault {
        number: 2,
        name: "charge-commit",
        what: "every process of payment dies after the provider has charged, before that is recorded",
        inject: inject!(charge_commit),
    },
];

const PRODUCERS: [&Service; 2] = [&order::SERVICE, &assembly::SERVICE];
/// How long to wait until somebody is where he is to die.
const PATIENCE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(50);
/// After this a relay that has begun is at work.
const SETTLED: Duration = Duration::from_secs(4);
/// How often a death that missed its moment is tried again.
const ATTEMPTS: usize = 5;

async fn commit_publish(stage: &mut Stage) -> anyhow::Result<Injected> {
    let what = "events were committed and not in their topic";
    die_publishing(stage, Proxy::hang, |caught| caught.elsewhere, what).await
}

async fn ack_mark(stage: &mut Stage) -> anyhow::Result<Injected> {
    let what = "events were in their topic, and their rows not marked";
    die_publishing(stage, Proxy::mute, |caught| caught.published, what).await
}

/// The events whose rows were not marked at the death of who wrote them.
struct Caught {
    /// Those that are in their topic.
    published: usize,
    /// Those that are nowhere but in the outbox.
    elsewhere: usize,
}

/// Kills each producer while the network to Kafka is as `hurt` makes it, until that has caught events that `count` counts.
async fn die_publishing(
    stage: &mut Stage,
    hurt: fn(&Proxy),
    count: fn(&Caught) -> usize,
    what: &str,
) -> anyhow::Result<Injected> {
    if let Err(reason) = stage.world.servers.broker.real() {
        return Ok(Injected::Not(reason));
    }
    let mut done = Done::default();
    for service in PRODUCERS {
        let mut between = 0;
        for _ in 0..ATTEMPTS {
            // A relay that has just begun asks first whether its topics are there, and hears nothing of that either.
            sleep(SETTLED).await;
            between = count(&die_unmarked(&mut stage.world, service, hurt).await?);
            done.times += 1;
            stage.gone();
            stage.world.fleet.revive(service).await?;
            if between > 0 {
                break;
            }
        }
        record(&mut done, between, &format!("{what} at a death of {service}"));
    }
    Ok(Injected::Times(done))
}

/// Kills a service that publishes while the network to Kafka is as `hurt` makes it: what that has caught.
async fn die_unmarked(world: &mut World, service: &'static Service, hurt: fn(&Proxy)) -> anyhow::Result<Caught> {
    hurt(world.links.get(Link::Kafka)?);
    until_unpublished(world, service).await?;
    // What was under way at the first moment may have arrived; what is written now is met by the network as it is.
    sleep(Duration::from_secs(1)).await;
    world.fleet.kill(service).await;
    world.links.get(Link::Kafka)?.reset();
    let unmarked: HashSet<Uuid> = unpublished(world, service).await?.into_iter().collect();
    let events = topics::events(world).await?;
    let found: HashSet<Uuid> = events.iter().map(|event| event.uuid).filter(|uuid| unmarked.contains(uuid)).collect();
    Ok(Caught { published: found.len(), elsewhere: unmarked.len() - found.len() })
}

/// Kills everybody at once, so that the cause counts as gone when all are ready again, and not when they are started.
async fn commit_offset(stage: &mut Stage) -> anyhow::Result<Injected> {
    if let Err(reason) = stage.world.servers.broker.real() {
        return Ok(Injected::Not(reason));
    }
    let (mut done, mut between) = (Done::default(), 0);
    for _ in 0..ATTEMPTS {
        between = die_uncommitted(&mut stage.world).await?;
        done.times += 1;
        stage.gone();
        if between > 0 {
            break;
        }
        // Offsets are committed twice a second: at times nobody was in between.
        sleep(SETTLED).await;
    }
    record(&mut done, between, "events had had their effect, and their offset was not committed");
    Ok(Injected::Times(done))
}

/// Kills everybody while no offset gets through, and starts all again: how many effects had no offset.
async fn die_uncommitted(world: &mut World) -> anyhow::Result<usize> {
    // What was fetched is handled and committed to the database.
    world.links.get(Link::Kafka)?.hang();
    sleep(Duration::from_secs(2)).await;
    world.fleet.kill_all().await;
    world.links.get(Link::Kafka)?.reset();
    let between = effects_without_offset(world).await?;
    world.fleet.revive_all().await?;
    Ok(between)
}

/// How many events are in the inbox of a consumer that has not committed their offset.
async fn effects_without_offset(world: &World) -> anyhow::Result<usize> {
    let events = topics::events(world).await?;
    let mut count = 0;
    for progress in topics::progress(world).await? {
        let Progress { topic, consumer, next } = progress;
        let inbox = sqlx::query_scalar("select event_uuid from inbox where consumer = $1");
        let inbox = inbox.bind(consumer.group).fetch_all(world.sources.databases.named(consumer.service)?).await?;
        let taken: HashSet<Uuid> = inbox.into_iter().collect();
        let uncommitted = |event: &Event| next.get(&event.partition).is_some_and(|next| event.offset >= *next);
        let own = events.iter().filter(|event| event.route.kind == topic.route.kind && uncommitted(event));
        count += own.filter(|event| taken.contains(&event.uuid)).count();
    }
    Ok(count)
}

async fn charge_commit(stage: &mut Stage) -> anyhow::Result<Injected> {
    let times = stage.scale(5, 2);
    for _ in 0..times {
        let world = &mut stage.world;
        world.provider.script([ProviderFault::Withheld]);
        let charged = async {
            while world.provider.withheld() == 0 {
                sleep(POLL).await;
            }
        };
        timeout(PATIENCE, charged).await.context("nobody was charged")?;
        world.fleet.kill(&payment::SERVICE).await;
        world.provider.release();
        stage.gone();
        stage.world.fleet.revive(&payment::SERVICE).await?;
    }
    Injected::times(times)
}

/// Records what was caught between two steps. Nothing is a problem: the fault has missed.
fn record(done: &mut Done, count: usize, what: &str) {
    done.notes.push(format!("{count} {what}"));
    if count == 0 {
        done.problems.push(format!("it was missed: no {what}"));
    }
}

/// The events that a service has written and not marked as published.
pub async fn unpublished(world: &World, service: &'static Service) -> anyhow::Result<Vec<Uuid>> {
    let question = sqlx::query_scalar("select event_uuid from outbox where published_at is null");
    Ok(question.fetch_all(world.sources.databases.get(service)?).await?)
}

/// [`unpublished`], once there are some.
async fn until_unpublished(world: &World, service: &'static Service) -> anyhow::Result<Vec<Uuid>> {
    let some = async {
        loop {
            let events = unpublished(world, service).await?;
            if !events.is_empty() {
                return anyhow::Ok(events);
            }
            sleep(POLL).await;
        }
    };
    timeout(PATIENCE, some).await.with_context(|| format!("{service} has nothing to publish"))?
}
