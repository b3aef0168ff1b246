//! The network between a service and its servers cut, slow and losing everything.

use std::time::Duration;

use rand::seq::IndexedRandom as _;

use super::{
    inject,
    links::{Harm, blackhole, harm},
    visitors::Visitor,
};
use crate::{
    fault::{Done, Fault, Injected, Stage},
    world::Link,
};
use operations::services::SERVICES;

pub const FAULTS: [Fault; 3] = [
    Fault {
        number: 6,
        name: "servers-cut",
        what: "each service's link to its database, iam's to Redis, all to Kafka: connections end, for 5 s",
        inject: inject!(cut),
    },
    Fault {
        number: 6,
        name: "servers-slow",
        what: "each service's link to its database, iam's to Redis, all to Kafka: 100 ms later each way, for 5 s",
        inject: inject!(slow),
    },
    Fault {
        number: 6,
        name: "servers-blackhole",
        what: "each link to a database, Redis, Kafka, the provider, Telegram: bytes are dropped for good, and only new connections work",
        inject: inject!(dropped),
    },
];

const SLOW: Harm = Harm { does: |proxy| proxy.delay(Duration::from_millis(100)), is_heard: true, is_answered: true };

async fn cut(stage: &mut Stage) -> anyhow::Result<Injected> {
    on_each_link(stage, Harm::CUT).await
}

async fn slow(stage: &mut Stage) -> anyhow::Result<Injected> {
    on_each_link(stage, SLOW).await
}

async fn dropped(stage: &mut Stage) -> anyhow::Result<Injected> {
    let visitor = Visitor::register(&stage.world.shop()?).await?;
    let (mut all, notes) = links(stage, &[Link::Provider, Link::Telegram]);
    if stage.brief {
        all = all.sample(&mut stage.random, 3).copied().collect();
    }
    let mut done = blackhole(stage, &visitor, &all).await?;
    done.notes.extend(notes);
    Ok(Injected::Times(done))
}

async fn on_each_link(stage: &mut Stage, what: Harm) -> anyhow::Result<Injected> {
    let lasting = Duration::from_secs(stage.scale(5, 3));
    let visitor = Visitor::register(&stage.world.shop()?).await?;
    let (mut all, notes) = links(stage, &[]);
    let mut done = Done { notes, ..Done::default() };
    if stage.brief {
        all = all.sample(&mut stage.random, 3).copied().collect();
    }
    for link in all {
        done.problems.extend(harm(stage, &visitor, link, what, lasting).await?.problems);
        done.times += 1;
    }
    Ok(Injected::Times(done))
}

/// Each database's, Redis's, Kafka's where it is a real one, and `more`; and what a reader may want to know of that.
fn links(stage: &Stage, more: &[Link]) -> (Vec<Link>, Vec<String>) {
    let mut all: Vec<Link> = SERVICES.map(Link::Database).into_iter().chain([Link::Redis]).collect();
    all.extend(more);
    match stage.world.servers.broker.real() {
        Ok(_) => {
            all.push(Link::Kafka);
            (all, Vec::new())
        }
        Err(reason) => (all, vec![format!("not on the link to Kafka: {reason}")]),
    }
}
