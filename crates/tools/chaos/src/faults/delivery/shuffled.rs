//! Events out of order: consumers begin with copies of what they lack, in any order.

use std::{collections::HashMap, time::Duration};

use anyhow::{Context as _, ensure};
use platform::kafka::Extent;
use rand::seq::SliceRandom as _;
use tokio::time::{Instant, sleep, timeout};

use super::{super::deaths::unpublished, GONE, POLL, event, movable, place_once_gone};
use crate::{
    fault::{Done, Injected, Stage},
    topics::{self, Progress, Topic},
    world::{BUILD_MAX, Link, World},
};
use platform::service::Service;

/// How long to wait until there are events to mix.
const PATIENCE: Duration = Duration::from_secs(20);

/// Consumers begin with copies in any order of events that they do not have, and never see the originals.
///
/// All begin at once, so that the cause counts as gone when they are ready, and not when they are started.
pub async fn shuffled(stage: &mut Stage) -> anyhow::Result<Injected> {
    let enough = stage.scale(100, 30);
    let world = &mut stage.world;
    if let Err(reason) = movable(world) {
        return Ok(Injected::Not(reason));
    }
    // Orders go on, and their events go nowhere, or to consumers that are dead.
    world.links.get(Link::Kafka)?.hang();
    world.fleet.kill(&assembly::SERVICE).await;
    world.fleet.kill(&notification::SERVICE).await;
    let before = written(world).await?;
    let until = Instant::now() + PATIENCE;
    while written(world).await? < before + enough && Instant::now() < until {
        sleep(POLL).await;
    }
    world.fleet.kill(&inventory::SERVICE).await;
    world.fleet.kill(&payment::SERVICE).await;
    world.links.get(Link::Kafka)?.reset();
    until_published(world, &order::SERVICE).await?;
    world.fleet.kill(&order::SERVICE).await;
    let ordered = mix(stage, &order::SERVICE).await?;
    // Ships are built of what was mixed, and nobody is there to hear of it.
    stage.world.fleet.revive(&assembly::SERVICE).await?;
    until_built(&stage.world).await?;
    let built = mix(stage, &assembly::SERVICE).await?;
    let world = &mut stage.world;
    for service in [&order::SERVICE, &inventory::SERVICE, &payment::SERVICE, &notification::SERVICE] {
        world.fleet.start(service, &[])?;
    }
    world.fleet.all_ready().await?;
    stage.gone();
    let mut done = Done { times: ordered + built, ..Done::default() };
    for (count, of) in [(ordered, &order::SERVICE), (built, &assembly::SERVICE)] {
        done.notes.push(format!("consumers got {count} events of {of} in any order"));
        if count == 0 {
            done.problems.push(format!("it was missed: nobody waited for events of {of}"));
        }
    }
    Ok(Injected::Times(done))
}

/// Publishes what consumers lack of a producer's events once more, in any order over all its topics, and lets them begin behind the
/// originals: how many events, once for each consumer. The consumers must not run.
async fn mix(stage: &mut Stage, producer: &'static Service) -> anyhow::Result<usize> {
    let world = &stage.world;
    let mut progress = topics::progress(world).await?;
    progress.retain(|one| one.topic.route.producer == producer.name && one.untaken() > 0);
    let mut lacking: HashMap<&str, Topic> = HashMap::new();
    for one in &progress {
        let of_others = |extent: &Extent| {
            let same = progress.iter().filter(|other| other.topic.name == one.topic.name);
            same.map(|other| other.next(extent)).min().unwrap_or(extent.end)
        };
        lacking.insert(&one.topic.name, one.topic.from(of_others));
    }
    let records: usize = lacking.values().map(Topic::records).sum();
    let mut events = topics::read(world, lacking.into_values().collect(), event).await?;
    ensure!(events.len() == records, "among {records} records that nobody has taken, {} are events", events.len());
    // Topics come in any order, too.
    events.sort_by(|(_, one), (_, other)| (&one.topic, &one.key).cmp(&(&other.topic, &other.key)));
    events.shuffle(&mut stage.random);
    topics::publish(world, events.into_iter().map(|(_, record)| record).collect()).await?;
    for one in &progress {
        place_once_gone(world, one.consumer, &one.topic, |extent| extent.end).await?;
    }
    Ok(progress.iter().map(Progress::untaken).sum())
}

/// How many events order has written.
async fn written(world: &World) -> anyhow::Result<i64> {
    world.count(&order::SERVICE, "select count(*) from outbox").await
}

async fn until_published(world: &World, service: &'static Service) -> anyhow::Result<()> {
    let published = async {
        while !unpublished(world, service).await?.is_empty() {
            sleep(POLL).await;
        }
        anyhow::Ok(())
    };
    timeout(PATIENCE, published).await.with_context(|| format!("{service} does not publish"))?
}

/// Returns when assembly has taken every order and told how each went.
async fn until_built(world: &World) -> anyhow::Result<()> {
    let taken = async {
        while topics::progress(world).await?.iter().any(|one| is_of(one, &assembly::SERVICE) && one.untaken() > 0) {
            sleep(POLL).await;
        }
        anyhow::Ok(())
    };
    timeout(GONE, taken).await.context("assembly does not take what was mixed")??;
    sleep(BUILD_MAX + POLL).await;
    until_published(world, &assembly::SERVICE).await
}

fn is_of(progress: &Progress, service: &'static Service) -> bool {
    progress.consumer.service == service.name
}
