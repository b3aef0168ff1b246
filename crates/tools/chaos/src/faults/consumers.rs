//! Consumers that are slow, come and go, and stand still.

use std::time::Duration;

use contracts::events::ROUTES;
use rand::{RngExt as _, seq::IndexedRandom as _};
use tokio::time::sleep;

use super::inject;
use crate::{
    fault::{Done, Fault, Injected, Stage},
    world::{Link, World},
};
use platform::service::Service;

pub const FAULTS: [Fault; 3] = [
    Fault {
        number: 10,
        name: "consumer-slow",
        what: "each round trip of every consumer to its database takes 100 ms more, for 15 s",
        inject: inject!(slow),
    },
    Fault {
        number: 10,
        name: "consumer-restless",
        what: "a process of assembly, payment or notification ends and another begins every 3 s",
        inject: inject!(restless),
    },
    Fault {
        number: 10,
        name: "consumer-frozen",
        what: "one process each of assembly, payment and notification is stopped for 20 s and goes on",
        inject: inject!(frozen),
    },
];

/// Everybody who takes events.
const CONSUMERS: [&Service; 5] =
    [&inventory::SERVICE, &order::SERVICE, &payment::SERVICE, &assembly::SERVICE, &notification::SERVICE];
/// Those of them who are asked nothing by customers.
const BACKGROUND: [&Service; 3] = [&assembly::SERVICE, &payment::SERVICE, &notification::SERVICE];

/// How many events all consumers have taken so far.
async fn taken(world: &World) -> anyhow::Result<i64> {
    let mut taken = 0;
    for consumer in ROUTES.iter().flat_map(|route| route.consumers) {
        let rows = sqlx::query_scalar::<_, i64>("select count(*) from inbox where consumer = $1").bind(consumer.group);
        taken += rows.fetch_one(world.sources.databases.named(consumer.service)?).await?;
    }
    Ok(taken)
}

/// Done so many times, while events were taken all the same.
async fn done(stage: &Stage, times: usize, taken_before: i64) -> anyhow::Result<Injected> {
    let meanwhile = taken(&stage.world).await? - taken_before;
    let problems = if meanwhile == 0 { vec!["no event was taken meanwhile".to_owned()] } else { Vec::new() };
    let notes = vec![format!("{meanwhile} events were taken meanwhile")];
    Ok(Injected::Times(Done { times, problems, notes, ..Done::default() }))
}

async fn slow(stage: &mut Stage) -> anyhow::Result<Injected> {
    let before = taken(&stage.world).await?;
    let links = stage.world.links.clone();
    for service in CONSUMERS {
        links.get(Link::Database(service))?.delay(Duration::from_millis(50));
    }
    sleep(Duration::from_secs(stage.scale(15, 5))).await;
    for service in CONSUMERS {
        links.get(Link::Database(service))?.restore();
    }
    stage.gone();
    done(stage, CONSUMERS.len(), before).await
}

async fn restless(stage: &mut Stage) -> anyhow::Result<Injected> {
    let (times, before) = (stage.scale(10, 3), taken(&stage.world).await?);
    for _ in 0..times {
        let service = *BACKGROUND.choose(&mut stage.random).unwrap_or(&&assembly::SERVICE);
        let number = stage.random.random_range(0..stage.world.fleet.count());
        let replica = stage.world.fleet.get(service, number)?;
        replica.terminate().await;
        replica.start(&[])?;
        stage.gone();
        sleep(Duration::from_secs(3)).await;
    }
    done(stage, times, before).await
}

async fn frozen(stage: &mut Stage) -> anyhow::Result<Injected> {
    let before = taken(&stage.world).await?;
    for service in BACKGROUND {
        stage.world.fleet.get(service, 0)?.freeze();
    }
    sleep(Duration::from_secs(stage.scale(20, 8))).await;
    for service in BACKGROUND {
        stage.world.fleet.get(service, 0)?.thaw();
    }
    stage.gone();
    done(stage, BACKGROUND.len(), before).await
}
