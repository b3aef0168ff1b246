//! The network between services cut, slow, half open and losing everything.

use std::time::Duration;

use rand::seq::IndexedRandom as _;
use tokio::time::Instant;

use super::{
    asked::{Asked, Counters},
    inject,
    links::{Harm, blackhole, harm},
    visitors::Visitor,
};
use crate::{
    fault::{Done, Fault, Injected, Stage},
    world::{CALLS, Link},
};

pub const FAULTS: [Fault; 4] = [
    Fault { number: 6, name: "network-cut", what: "each call between services: connections end", inject: inject!(cut) },
    Fault {
        number: 6,
        name: "network-slow",
        what: "each call between services: 300 ms later each way",
        inject: inject!(slow),
    },
    Fault {
        number: 6,
        name: "network-half-open",
        what: "each call between services: heard, and no answer comes back",
        inject: inject!(half_open),
    },
    Fault {
        number: 6,
        name: "network-blackhole",
        what: "each call between services: bytes are dropped for good, and only new connections work",
        inject: inject!(dropped),
    },
];

const SLOW: Harm = Harm { does: |proxy| proxy.delay(Duration::from_millis(300)), is_heard: true, is_answered: true };

async fn cut(stage: &mut Stage) -> anyhow::Result<Injected> {
    on_each_call(stage, Harm::CUT).await
}

async fn slow(stage: &mut Stage) -> anyhow::Result<Injected> {
    on_each_call(stage, SLOW).await
}

async fn half_open(stage: &mut Stage) -> anyhow::Result<Injected> {
    on_each_call(stage, Harm::HALF_OPEN).await
}

async fn dropped(stage: &mut Stage) -> anyhow::Result<Injected> {
    let visitor = Visitor::register(&stage.world.shop()?).await?;
    let all = calls(stage);
    blackhole(stage, &visitor, &all).await.map(Injected::Times)
}

async fn on_each_call(stage: &mut Stage, what: Harm) -> anyhow::Result<Injected> {
    let lasting = Duration::from_secs(stage.scale(8, 4));
    let all = calls(stage);
    let visitor = Visitor::register(&stage.world.shop()?).await?;
    let mut done = Done { times: all.len(), ..Done::default() };
    for link in all {
        let Link::Call(from, to) = link else { continue };
        let (begun, before) = (Instant::now(), Counters::of(stage, from, to).await?);
        let seen = harm(stage, &visitor, link, what, lasting).await?;
        let after = Counters::of(stage, from, to).await?;
        let asked = Asked::of(&before, &after, from, seen.visits, stage.world.fleet.count(), begun.elapsed());
        done.problems.extend(seen.problems);
        if asked.is_repeated_too_often() || (what.is_heard && asked.is_heard_too_often()) {
            done.problems.push(format!("{link}: {asked}"));
        }
        done.notes.push(format!("{link}: {asked}"));
    }
    Ok(Injected::Times(done))
}

fn calls(stage: &mut Stage) -> Vec<Link> {
    if stage.brief { CALLS.sample(&mut stage.random, 2).copied().collect() } else { CALLS.to_vec() }
}
