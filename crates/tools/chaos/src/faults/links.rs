//! Faults of the network, one link after another: between services, and from services to their servers.

use std::time::Duration;

use drive::account::Account;
use operations::registry::with_database;
use rand::seq::SliceRandom as _;
use stand_ins::Proxy;

use super::{
    amplification::{Amplification, CallCounters},
    inject,
    link_faults::{LinkFault, blackhole, link_fault},
};
use crate::{
    cluster::{self, Link},
    experiment::{Experiment, Fault, Injected, Injection},
};

/// A link fault's extent: how many links it meets.
const ALL: usize = usize::MAX;
const RETRIES: &str = "At most one call in ten is a retry, besides a small fixed reserve.";

pub const FAULTS: [Fault; 7] = [
    Fault::new(
        6,
        "network-cut",
        "each call between services: connections are closed",
        inject!(each(Place::Calls, Harm::For(CUT))),
    )
    .lasting(8, 4)
    .times(ALL, 2)
    .holds(RETRIES),
    Fault::new(
        6,
        "network-slow",
        "each call between services: 300 ms added latency each way",
        inject!(each(Place::Calls, Harm::For(slow(|proxy| proxy.delay(Duration::from_millis(300)))))),
    )
    .lasting(8, 4)
    .times(ALL, 2)
    .holds(RETRIES),
    Fault::new(
        6,
        "network-half-open",
        "each call between services: requests arrive, answers are lost",
        inject!(each(Place::Calls, Harm::For(HALF_OPEN))),
    )
    .lasting(8, 4)
    .times(ALL, 2)
    .holds(RETRIES),
    Fault::new(
        6,
        "network-blackhole",
        "each call between services: bytes are dropped for good, and only new connections work",
        inject!(each(Place::Calls, Harm::ForGood)),
    )
    .times(ALL, 2),
    Fault::new(
        6,
        "servers-cut",
        "each service's link to its database, iam's to Redis, all to Kafka: connections are closed",
        inject!(each(Place::Servers, Harm::For(CUT))),
    )
    .lasting(5, 3)
    .times(ALL, 3),
    Fault::new(
        6,
        "servers-slow",
        "each service's link to its database, iam's to Redis, all to Kafka: 100 ms added latency each way",
        inject!(each(Place::Servers, Harm::For(slow(|proxy| proxy.delay(Duration::from_millis(100)))))),
    )
    .lasting(5, 3)
    .times(ALL, 3),
    Fault::new(
        6,
        "servers-blackhole",
        "each link to a database, Redis, Kafka, the provider, Telegram: bytes are dropped for good, and only new connections work",
        inject!(each(Place::Outside, Harm::ForGood)),
    )
    .times(ALL, 3),
];

const CUT: LinkFault = LinkFault { does: Proxy::cut, is_heard: false, is_answered: false };
const HALF_OPEN: LinkFault = LinkFault { does: Proxy::mute, is_heard: true, is_answered: false };

const fn slow(does: fn(&Proxy)) -> LinkFault {
    LinkFault { does, is_heard: true, is_answered: true }
}

#[derive(Clone, Copy)]
enum Place {
    /// The calls of customers' requests and events. The console makes calls only for pages, and iam only for the end of
    /// an account; no customer in a chaos run opens a page or ends its account.
    Calls,
    /// Databases, Redis and Kafka.
    Servers,
    /// The servers, the payment provider and Telegram.
    Outside,
}

#[derive(Clone, Copy)]
enum Harm {
    For(LinkFault),
    /// Every byte of the connections that exist is dropped; new ones work.
    ForGood,
}

impl Place {
    /// Returns the links, and why some are left out: a mock Kafka has none.
    fn links(self, experiment: &Experiment) -> (Vec<Link>, Vec<String>) {
        if matches!(self, Self::Calls) {
            let mut links = cluster::calls();
            links.retain(|link| !matches!(link, Link::Call(from, _) if ["console", "iam"].contains(&from.name)));
            return (links, Vec::new());
        }
        let mut links: Vec<Link> = with_database().map(Link::Database).chain([Link::Redis]).collect();
        if matches!(self, Self::Outside) {
            links.extend([Link::Provider, Link::Telegram]);
        }
        match experiment.cluster.servers.broker.real() {
            Ok(_) => {
                links.push(Link::Kafka);
                (links, Vec::new())
            }
            Err(reason) => (links, vec![format!("not on the link to Kafka: {reason}")]),
        }
    }
}

/// Injects the fault into one link after another. If nothing uses a link meanwhile, tries another one instead, or the
/// same one again if all are tried.
async fn each(experiment: &mut Experiment, place: Place, harm: Harm) -> anyhow::Result<Injected> {
    let user = experiment.cluster.account().await?;
    let (mut links, notes) = place.links(experiment);
    if experiment.times < links.len() {
        links.shuffle(&mut experiment.random);
    }
    let mut others = links.split_off(experiment.times.min(links.len()));
    let mut done = Injection { notes, ..Injection::default() };
    for link in links {
        let mut injected = one(experiment, &user, link, harm).await?;
        if injected.times == 0 && injected.problems.is_empty() {
            done.notes.extend(std::mem::take(&mut injected.idle));
            injected.add(one(experiment, &user, others.pop().unwrap_or(link), harm).await?);
        }
        done.add(injected);
    }
    Ok(Injected::Done(done))
}

async fn one(experiment: &mut Experiment, user: &Account, link: Link, harm: Harm) -> anyhow::Result<Injection> {
    let fault = match harm {
        Harm::ForGood => return blackhole(experiment, user, link).await,
        Harm::For(fault) => fault,
    };
    let Link::Call(from, to) = link else { return Ok(link_fault(experiment, user, link, fault).await?.injection) };
    let before = CallCounters::read(experiment, from, to).await?;
    let seen = link_fault(experiment, user, link, fault).await?;
    let after = CallCounters::read(experiment, from, to).await?;
    let processes = experiment.cluster.replicas.count();
    let calls = Amplification::between(&before, &after, from, seen.visits, processes);
    let mut done = seen.injection;
    if calls.exceeds_retry_budget() || (fault.is_heard && calls.overloads_callee()) {
        done.problems.push(format!("{link}: {calls}"));
    }
    done.notes.push(format!("{link}: {calls}"));
    Ok(done)
}
