//! Death between two steps that belong together. The network is stopped just there, so that the moment is no matter of luck.

use std::{collections::HashSet, time::Duration};

use ::faults::ProviderFault;
use anyhow::Context as _;
use events::{ROUTES, Route};
use platform::kafka::Message;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::inject;
use crate::{
    chaos::{
        fault::{Done, Fault, Injected, Stage},
        topics,
        world::{Link, World},
    },
    letters::event_uuid,
    services::Service,
};

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

const PRODUCERS: [Service; 2] = [Service::Order, Service::Assembly];
/// How long to wait until somebody is where he is to die.
const PATIENCE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(50);
/// After this a relay that has begun is at work.
const SETTLED: Duration = Duration::from_secs(4);
/// How often a death that missed its moment is tried again.
const ATTEMPTS: usize = 5;

async fn commit_publish(stage: &mut Stage) -> anyhow::Result<Injected> {
    let world = &mut stage.world;
    if let Err(reason) = world.servers.broker.real() {
        return Ok(Injected::Not(reason));
    }
    let mut between = 0;
    for service in PRODUCERS {
        world.links.get(Link::Kafka)?.hang();
        between += until_unpublished(world, service).await?.len();
        world.fleet.kill(service).await;
        world.links.get(Link::Kafka)?.reset();
        start(world, service).await?;
    }
    let what = "events were committed and not published";
    Ok(Injected::Times(Done { times: PRODUCERS.len(), ..seen(between, what) }))
}

async fn ack_mark(stage: &mut Stage) -> anyhow::Result<Injected> {
    let world = &mut stage.world;
    if let Err(reason) = world.servers.broker.real() {
        return Ok(Injected::Not(reason));
    }
    let (mut times, mut between) = (0, 0);
    for service in PRODUCERS {
        // A relay that has just begun asks first whether its topics are there, and hears nothing of that either.
        for _ in 0..ATTEMPTS {
            sleep(SETTLED).await;
            let unmarked = die_before_marking(world, service).await?;
            times += 1;
            between += unmarked;
            if unmarked > 0 {
                break;
            }
        }
    }
    let what = "events were in their topic, and their rows not marked";
    Ok(Injected::Times(Done { times, ..seen(between, what) }))
}

/// Kills a service that publishes and hears nothing of it: how many of its events are in their topics and not marked.
async fn die_before_marking(world: &mut World, service: Service) -> anyhow::Result<usize> {
    world.links.get(Link::Kafka)?.mute();
    until_unpublished(world, service).await?;
    sleep(Duration::from_secs(1)).await;
    world.fleet.kill(service).await;
    world.links.get(Link::Kafka)?.reset();
    let unmarked: HashSet<Uuid> = unpublished(world, service).await?.into_iter().collect();
    let records = topics::records(world).await?;
    start(world, service).await?;
    Ok(records.iter().filter(|(route, record)| is_one_of(&unmarked, route, record)).count())
}

async fn commit_offset(stage: &mut Stage) -> anyhow::Result<Injected> {
    let world = &mut stage.world;
    if let Err(reason) = world.servers.broker.real() {
        return Ok(Injected::Not(reason));
    }
    // What was fetched is handled and committed to the database; no offset gets through any more.
    world.links.get(Link::Kafka)?.hang();
    sleep(Duration::from_secs(2)).await;
    for service in Service::ALL {
        world.fleet.kill(service).await;
    }
    world.links.get(Link::Kafka)?.reset();
    let between = effects_without_offset(world).await?;
    for service in Service::ALL {
        world.fleet.start(service, &[])?;
    }
    world.fleet.all_ready().await?;
    Ok(Injected::Times(seen(between, "events had had their effect, and their offset was not committed")))
}

/// How many events are in the inbox of a consumer that has not committed their offset.
async fn effects_without_offset(world: &World) -> anyhow::Result<usize> {
    let records = topics::records(world).await?;
    let mut count = 0;
    for route in &ROUTES {
        let topic = route.topic(&world.sources.topics);
        for consumer in route.consumers {
            let committed = topics::committed(world, consumer.group, topic).await?;
            let inbox = sqlx::query_scalar("select event_uuid from inbox where consumer = $1");
            let inbox = inbox.bind(consumer.group).fetch_all(world.sources.databases.named(consumer.service)?).await?;
            let taken: HashSet<Uuid> = inbox.into_iter().collect();
            let later =
                |record: &Message| record.offset >= committed.get(&record.partition).copied().unwrap_or_default();
            let own = records.iter().filter(|(of, record)| of.kind == route.kind && later(record));
            count += own.filter(|(route, record)| is_one_of(&taken, route, record)).count();
        }
    }
    Ok(count)
}

fn is_one_of(events: &HashSet<Uuid>, route: &Route, record: &Message) -> bool {
    event_uuid(route.kind, record).is_some_and(|event| events.contains(&event))
}

async fn charge_commit(stage: &mut Stage) -> anyhow::Result<Injected> {
    let times = stage.scale(5, 2);
    let world = &mut stage.world;
    for _ in 0..times {
        world.provider.script([ProviderFault::Withheld]);
        let charged = async {
            while world.provider.withheld() == 0 {
                sleep(POLL).await;
            }
        };
        timeout(PATIENCE, charged).await.context("nobody was charged")?;
        world.fleet.kill(Service::Payment).await;
        world.provider.release();
        world.fleet.start(Service::Payment, &[])?;
        world.fleet.ready(Service::Payment, 0).await?;
    }
    Injected::times(times)
}

/// What was caught between two steps. Nothing is a problem: the fault has missed.
fn seen(count: usize, what: &str) -> Done {
    let problems = if count == 0 { vec![format!("it was missed: no {what}")] } else { Vec::new() };
    Done { times: 1, problems, notes: vec![format!("{count} {what}")] }
}

/// The events that a service has written and not marked as published.
async fn unpublished(world: &World, service: Service) -> anyhow::Result<Vec<Uuid>> {
    let question = sqlx::query_scalar("select event_uuid from outbox where published_at is null");
    Ok(question.fetch_all(world.sources.databases.get(service)?).await?)
}

/// [`unpublished`], once there are some.
async fn until_unpublished(world: &World, service: Service) -> anyhow::Result<Vec<Uuid>> {
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

/// Starts every process of a service again, and returns when all are ready.
async fn start(world: &mut World, service: Service) -> anyhow::Result<()> {
    world.fleet.start(service, &[])?;
    for number in 0..world.fleet.count() {
        world.fleet.ready(service, number).await?;
    }
    Ok(())
}
