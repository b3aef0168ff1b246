//! The network between a service and its servers cut and slow.

use std::time::Duration;

use rand::seq::IndexedRandom as _;

use super::{
    inject,
    links::{Harm, harm},
    visitors::Visitor,
};
use crate::{
    chaos::{
        fault::{Done, Fault, Injected, Stage},
        world::Link,
    },
    services::Service,
};

pub const FAULTS: [Fault; 2] = [
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
];

const SLOW: Harm = Harm { does: |proxy| proxy.delay(Duration::from_millis(100)), is_heard: true, is_answered: true };

async fn cut(stage: &mut Stage) -> anyhow::Result<Injected> {
    on_each_link(stage, Harm::CUT).await
}

async fn slow(stage: &mut Stage) -> anyhow::Result<Injected> {
    on_each_link(stage, SLOW).await
}

async fn on_each_link(stage: &mut Stage, what: Harm) -> anyhow::Result<Injected> {
    let lasting = Duration::from_secs(stage.scale(5, 3));
    let visitor = Visitor::register(&stage.world.shop()?).await?;
    let mut done = Done::default();
    let mut all: Vec<Link> = Service::ALL.map(Link::Database).into_iter().chain([Link::Redis]).collect();
    match stage.world.servers.broker.real() {
        Ok(_) => all.push(Link::Kafka),
        Err(reason) => done.notes.push(format!("not on the link to Kafka: {reason}")),
    }
    if stage.brief {
        all = all.sample(&mut stage.random, 3).copied().collect();
    }
    for link in all {
        done.problems.extend(harm(stage, &visitor, link, what, lasting).await?.problems);
        done.times += 1;
    }
    Ok(Injected::Times(done))
}
