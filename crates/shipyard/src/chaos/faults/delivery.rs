//! Events delivered again, many times, in another order, and such as nobody can handle.

use std::time::Duration;

use anyhow::Context as _;
use events::ROUTES;
use platform::kafka::Record;
use rand::seq::SliceRandom as _;
use tokio::time::{Instant, sleep};

use super::inject;
use crate::{
    chaos::{
        fault::{Done, Fault, Injected, Stage},
        poison, topics,
    },
    services::Service,
};

pub const FAULTS: [Fault; 4] = [
    Fault {
        number: 9,
        name: "topics-again",
        what: "every consumer gets every topic again from its beginning",
        inject: inject!(topics_again),
    },
    Fault {
        number: 9,
        name: "events-five-times",
        what: "the latest 100 events come five times more",
        inject: inject!(five_times),
    },
    Fault {
        number: 9,
        name: "events-shuffled",
        what: "the latest 300 events come again in any order",
        inject: inject!(shuffled),
    },
    Fault {
        number: 9,
        name: "poison",
        what: "bad bytes, an unknown type, an unknown value and 2 MB, in every topic",
        inject: inject!(poisoned),
    },
];

/// How long a group may have members that are gone: a consumer's session and some more.
const GONE: Duration = Duration::from_secs(30);

async fn topics_again(stage: &mut Stage) -> anyhow::Result<Injected> {
    let world = &mut stage.world;
    for service in Service::ALL {
        world.fleet.kill(service).await;
    }
    let until = Instant::now() + GONE;
    let mut groups = 0;
    for route in &ROUTES {
        let topic = route.topic(&world.sources.topics).to_owned();
        for consumer in route.consumers {
            // Its members are dead, and the broker does not know yet.
            while let Err(error) = topics::rewind(world, consumer.group, &topic).await {
                if Instant::now() >= until {
                    return Err(error).with_context(|| format!("rewinding {}", consumer.group));
                }
                sleep(Duration::from_millis(500)).await;
            }
            groups += 1;
        }
    }
    let events = topics::records(world).await?.len();
    for service in Service::ALL {
        world.fleet.start(service, &[])?;
    }
    world.fleet.all_ready().await?;
    let notes = vec![format!("{groups} groups, {events} events")];
    Ok(Injected::Times(Done { times: groups, notes, ..Done::default() }))
}

async fn five_times(stage: &mut Stage) -> anyhow::Result<Injected> {
    let latest = latest(stage, 100).await?;
    let count = latest.len() * 5;
    for _ in 0..5 {
        topics::publish(&stage.world, latest.clone()).await?;
    }
    Injected::times(count)
}

async fn shuffled(stage: &mut Stage) -> anyhow::Result<Injected> {
    let mut latest = latest(stage, 300).await?;
    latest.shuffle(&mut stage.random);
    let count = latest.len();
    topics::publish(&stage.world, latest).await?;
    Injected::times(count)
}

async fn poisoned(stage: &mut Stage) -> anyhow::Result<Injected> {
    Injected::times(poison::send(&mut stage.world).await?)
}

/// The latest events, as many as there are.
async fn latest(stage: &Stage, count: usize) -> anyhow::Result<Vec<Record>> {
    let records = topics::records(&stage.world).await?;
    // Poison must stay where the audit knows it.
    let mut events: Vec<_> =
        records.into_iter().filter(|(_, message)| message.headers.contains_key("event-uuid")).collect();
    let each = count / ROUTES.len();
    let mut latest = Vec::new();
    for route in &ROUTES {
        let (own, others): (Vec<_>, Vec<_>) = events.into_iter().partition(|(of, _)| of.kind == route.kind);
        events = others;
        latest.extend(own.iter().rev().take(each).map(|(_, message)| topics::again(message)));
    }
    Ok(latest)
}
