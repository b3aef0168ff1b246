//! Faults of the links between services: cut, slow, half open, and dropping all bytes.

use std::time::Duration;

use rand::seq::IndexedRandom as _;
use tokio::time::Instant;

use super::{
    amplification::{Amplification, CallCounters},
    background_traffic::ProbeUser,
    inject,
    link_faults::{LinkFault, blackhole, link_fault},
};
use crate::{
    cluster::{self, Link},
    experiment::{Experiment, Fault, Injected, Injection},
};

pub const FAULTS: [Fault; 4] = [
    Fault {
        number: 6,
        name: "network-cut",
        what: "each call between services: connections are closed",
        inject: inject!(cut),
    },
    Fault {
        number: 6,
        name: "network-slow",
        what: "each call between services: 300 ms added latency each way",
        inject: inject!(slow),
    },
    Fault {
        number: 6,
        name: "network-half-open",
        what: "each call between services: requests arrive, answers are lost",
        inject: inject!(half_open),
    },
    Fault {
        number: 6,
        name: "network-blackhole",
        what: "each call between services: bytes are dropped for good, and only new connections work",
        inject: inject!(dropped),
    },
];

const SLOW: LinkFault =
    LinkFault { does: |proxy| proxy.delay(Duration::from_millis(300)), is_heard: true, is_answered: true };

async fn cut(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    on_each_call(experiment, LinkFault::CUT).await
}

async fn slow(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    on_each_call(experiment, SLOW).await
}

async fn half_open(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    on_each_call(experiment, LinkFault::HALF_OPEN).await
}

async fn dropped(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let user = ProbeUser::register(&experiment.cluster.shop()?).await?;
    let all = calls(experiment);
    blackhole(experiment, &user, &all).await.map(Injected::Done)
}

async fn on_each_call(experiment: &mut Experiment, what: LinkFault) -> anyhow::Result<Injected> {
    let lasting = Duration::from_secs(experiment.scale(8, 4));
    let all = calls(experiment);
    let user = ProbeUser::register(&experiment.cluster.shop()?).await?;
    let mut done = Injection { times: all.len(), ..Injection::default() };
    for link in all {
        let Link::Call(from, to) = link else { continue };
        let (begun, before) = (Instant::now(), CallCounters::read(experiment, from, to).await?);
        let seen = link_fault(experiment, &user, link, what, lasting).await?;
        let after = CallCounters::read(experiment, from, to).await?;
        let asked = Amplification::between(
            &before,
            &after,
            from,
            seen.visits,
            experiment.cluster.replicas.count(),
            begun.elapsed(),
        );
        done.problems.extend(seen.problems);
        if asked.exceeds_retry_budget() || (what.is_heard && asked.overloads_callee()) {
            done.problems.push(format!("{link}: {asked}"));
        }
        done.notes.push(format!("{link}: {asked}"));
    }
    Ok(Injected::Done(done))
}

/// Returns the links to disturb. The console makes calls only for pages, and iam only for the end of an account; no customer in a chaos run
/// opens a page or ends its account.
fn calls(experiment: &mut Experiment) -> Vec<Link> {
    let mut links = cluster::calls();
    links.retain(|link| !matches!(link, Link::Call(from, _) if ["console", "iam"].contains(&from.name)));
    if experiment.brief { links.sample(&mut experiment.random, 2).copied().collect() } else { links }
}
