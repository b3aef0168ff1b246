//! Faults of the links from services to PostgreSQL, Redis, Kafka, the payment provider and Telegram: cut, slow, and
//! dropping all bytes.

use std::time::Duration;

use rand::seq::IndexedRandom as _;

use super::{
    background_traffic::ProbeUser,
    inject,
    link_faults::{LinkFault, blackhole, link_fault},
};
use crate::{
    cluster::Link,
    experiment::{Experiment, Fault, Injected, Injection},
};
use operations::registry::with_database;

pub const FAULTS: [Fault; 3] = [
    Fault {
        number: 6,
        name: "servers-cut",
        what: "each service's link to its database, iam's to Redis, all to Kafka: connections are closed, for 5 s",
        inject: inject!(cut),
    },
    Fault {
        number: 6,
        name: "servers-slow",
        what: "each service's link to its database, iam's to Redis, all to Kafka: 100 ms added latency each way, for 5 s",
        inject: inject!(slow),
    },
    Fault {
        number: 6,
        name: "servers-blackhole",
        what: "each link to a database, Redis, Kafka, the provider, Telegram: bytes are dropped for good, and only new connections work",
        inject: inject!(dropped),
    },
];

const SLOW: LinkFault =
    LinkFault { does: |proxy| proxy.delay(Duration::from_millis(100)), is_heard: true, is_answered: true };

async fn cut(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    on_each_link(experiment, LinkFault::CUT).await
}

async fn slow(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    on_each_link(experiment, SLOW).await
}

async fn dropped(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let user = ProbeUser::register(&experiment.cluster.shop()?).await?;
    let (mut all, notes) = links(experiment, &[Link::Provider, Link::Telegram]);
    if experiment.brief {
        all = all.sample(&mut experiment.random, 3).copied().collect();
    }
    let mut done = blackhole(experiment, &user, &all).await?;
    done.notes.extend(notes);
    Ok(Injected::Done(done))
}

async fn on_each_link(experiment: &mut Experiment, what: LinkFault) -> anyhow::Result<Injected> {
    let lasting = Duration::from_secs(experiment.scale(5, 3));
    let user = ProbeUser::register(&experiment.cluster.shop()?).await?;
    let (mut all, notes) = links(experiment, &[]);
    let mut done = Injection { notes, ..Injection::default() };
    if experiment.brief {
        all = all.sample(&mut experiment.random, 3).copied().collect();
    }
    for link in all {
        done.problems.extend(link_fault(experiment, &user, link, what, lasting).await?.problems);
        done.times += 1;
    }
    Ok(Injected::Done(done))
}

/// Returns `more`, and the links to the databases, Redis and Kafka. A mock Kafka is left out, with a note.
fn links(experiment: &Experiment, more: &[Link]) -> (Vec<Link>, Vec<String>) {
    let mut all: Vec<Link> = with_database().map(Link::Database).chain([Link::Redis]).collect();
    all.extend(more);
    match experiment.cluster.servers.broker.real() {
        Ok(_) => {
            all.push(Link::Kafka);
            (all, Vec::new())
        }
        Err(reason) => (all, vec![format!("not on the link to Kafka: {reason}")]),
    }
}
