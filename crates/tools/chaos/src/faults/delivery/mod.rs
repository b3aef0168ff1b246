//! Events delivered again, many times, in another order, and such as nobody can handle.

mod shuffled;

use std::{cmp::Reverse, time::Duration};

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use contracts::events::{Consumer, ROUTES, Route};
use platform::kafka::{Extent, Message, Record};
use tokio::time::{Instant, sleep};

use self::shuffled::shuffled;
use super::inject;
use crate::{
    fault::{Done, Fault, Injected, Stage},
    poison,
    topics::{self, Progress, Topic},
    world::World,
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
        what: "consumers get what they have missed in any order",
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
/// How long nothing may be taken while there is something to take.
const STANDSTILL: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(500);

/// The cause is the redelivery, which is gone when everything has been taken again.
async fn topics_again(stage: &mut Stage) -> anyhow::Result<Injected> {
    let world = &mut stage.world;
    if let Err(reason) = movable(world) {
        return Ok(Injected::Not(reason));
    }
    world.fleet.kill_all().await;
    let topics = topics::all(world).await?;
    let (mut groups, mut records) = (0, 0);
    for topic in &topics {
        for consumer in topic.route.consumers {
            place_once_gone(world, consumer, topic, |extent| extent.start).await?;
            groups += 1;
            records += topic.records();
        }
    }
    world.fleet.revive_all().await?;
    let ready = Instant::now();
    let problems = until_taken(world, &topics).await?;
    stage.gone();
    let took = ready.elapsed().as_secs_f64();
    let failed = stage.load.last_failure(ready).map_or(0.0, |failed| (failed - ready).as_secs_f64());
    let notes = vec![
        format!("{groups} groups took {records} records again in {took:.1} s"),
        format!("the last request failed {failed:.1} s after all were ready"),
    ];
    Ok(Injected::Times(Done { times: if records > 0 { groups } else { 0 }, problems, notes, ..Done::default() }))
}

/// Waits until every group has taken what these topics had. One that stands still is a problem.
pub(super) async fn until_taken(world: &World, topics: &[Topic]) -> anyhow::Result<Vec<String>> {
    let (mut least, mut moved) = (usize::MAX, Instant::now());
    loop {
        let progress = topics::progress(world).await?;
        let of = |one: &Progress| topics.iter().find(|topic| topic.name == one.topic.name);
        let untaken = |one: &Progress| of(one).map_or(0, |topic| one.untaken_of(topic));
        let left = progress.iter().map(untaken).sum();
        if left < least {
            (least, moved) = (left, Instant::now());
        }
        if left == 0 {
            return Ok(Vec::new());
        }
        if moved.elapsed() >= STANDSTILL {
            let late = progress.iter().filter(|one| untaken(one) > 0);
            return Ok(late.map(|one| format!("not taken again: {one}")).collect());
        }
        sleep(POLL).await;
    }
}

async fn five_times(stage: &mut Stage) -> anyhow::Result<Injected> {
    let latest = latest(stage, 100).await?;
    let count = latest.len() * 5;
    for _ in 0..5 {
        topics::publish(&stage.world, latest.clone()).await?;
    }
    stage.gone();
    Ok(Injected::Times(Done::some(count, "there are no events")))
}

/// Whether groups can be placed; else why not.
fn movable(world: &World) -> Result<(), String> {
    let real = world.servers.broker.real().map(drop);
    real.map_err(|reason| format!("{reason}, and its groups are moved by members alone"))
}

/// [`topics::place`] for a consumer whose members are dead, which the broker does not know yet.
async fn place_once_gone(
    world: &World,
    consumer: &'static Consumer,
    topic: &Topic,
    to: fn(&Extent) -> i64,
) -> anyhow::Result<()> {
    let until = Instant::now() + GONE;
    while let Err(error) = topics::place(world, consumer, topic, to).await {
        if Instant::now() >= until {
            return Err(error).with_context(|| format!("placing {}", consumer.group));
        }
        sleep(POLL).await;
    }
    Ok(())
}

async fn poisoned(stage: &mut Stage) -> anyhow::Result<Injected> {
    let count = poison::send(&mut stage.world).await?;
    stage.gone();
    let small = stage.world.servers.broker.real().err().map(|reason| format!("none of 2 MB: {reason}"));
    Ok(Injected::Times(Done { times: count, notes: small.into_iter().collect(), ..Done::default() }))
}

/// The latest events of each topic, `count` in all where there are so many.
async fn latest(stage: &Stage, count: usize) -> anyhow::Result<Vec<Record>> {
    let each = count / ROUTES.len();
    let back = i64::try_from(each)?;
    let mut latest = Vec::new();
    for topic in topics::all(&stage.world).await? {
        let mut events = topics::read(&stage.world, vec![topic.from(|extent| extent.end - back)], event).await?;
        events.sort_by_key(|(at, _)| Reverse(*at));
        latest.extend(events.into_iter().take(each).map(|(_, record)| record));
    }
    Ok(latest)
}

/// An event as it was and when.
fn event(_: &Route, message: Message, at: DateTime<Utc>) -> Option<(DateTime<Utc>, Record)> {
    topics::again(message).map(|record| (at, record))
}
