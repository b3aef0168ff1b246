//! Faults of the network, one link after another: between services, and from services to their servers.

use std::time::Duration;

use drive::account::Account;
use operations::registry::with_database;
use platform::{
    clock,
    server::service::{Call, Service},
};
use rand::seq::SliceRandom as _;
use stand_ins::Proxy;
use tokio::time::{Instant, sleep};

use super::{
    IN_FLIGHT_TIME,
    amplification::{Amplification, CallCounters},
    background_traffic::{BackgroundTraffic, visit},
    inject,
};
use crate::{
    cluster::{self, Link},
    experiment::{Experiment, Fault, Injected, Injection},
    recovery::{self, Bounds, FaultWindow},
};

/// A link fault's extent: how many links it affects.
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

/// The fewest bytes that count as a call; keep-alive traffic has fewer.
const MIN_CALL_BYTES: u64 = 500;
const TRAFFIC_BEFORE: Duration = Duration::from_secs(1);
/// The pause between two faults.
const PAUSE_AFTER: Duration = Duration::from_secs(3);

const CUT: LinkFault = LinkFault { does: Proxy::cut, is_heard: false, is_answered: false };
const HALF_OPEN: LinkFault = LinkFault { does: Proxy::mute, is_heard: true, is_answered: false };

const fn slow(does: fn(&Proxy)) -> LinkFault {
    LinkFault { does, is_heard: true, is_answered: true }
}

#[derive(Clone, Copy)]
enum Place {
    /// The calls of customers' requests and events. The console and operations make calls only for pages, and iam only
    /// for the end of an account; no customer in a chaos run opens a page or ends its account.
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
            let others = ["console", "operations", "iam"];
            links.retain(|link| !matches!(link, Link::Call(from, _) if others.contains(&from.name)));
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
    let (mut links, notes) = place.links(experiment);
    if experiment.times < links.len() {
        links.shuffle(&mut experiment.random);
    }
    let mut others = links.split_off(experiment.times.min(links.len()));
    let mut done = Injection { notes, ..Injection::default() };
    for link in links {
        // Another user for each link: a user who logs in at each visit has no session left of those before.
        let user = experiment.cluster.account().await?;
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
    let processes = experiment.cluster.replicas.count(from);
    let calls = Amplification::between(&before, &after, from, seen.visits, processes);
    let mut done = seen.injection;
    if calls.exceeds_retry_budget() || (fault.is_heard && calls.overloads_callee()) {
        done.problems.push(format!("{link}: {calls}"));
    }
    done.notes.push(format!("{link}: {calls}"));
    Ok(done)
}

#[derive(Clone, Copy)]
struct LinkFault {
    does: fn(&Proxy),
    /// True if requests still arrive at the far end of the link.
    is_heard: bool,
    /// True if responses still arrive at the near end.
    is_answered: bool,
}

struct Seen {
    /// The number of background requests, from before the fault until after it.
    visits: u64,
    injection: Injection,
}

/// Injects a fault into a link while background traffic calls the service at its near end. Reports a problem if
/// requests that need the link were answered nevertheless.
async fn link_fault(
    experiment: &mut Experiment,
    user: &Account,
    link: Link,
    link_fault: LinkFault,
) -> anyhow::Result<Seen> {
    let links = experiment.cluster.links.clone();
    let proxy = links.get(link)?;
    let visits = visit(user, experiment, near_end(link))?;
    let (asked, tried) = (proxy.asked(), proxy.connections());
    sleep(TRAFFIC_BEFORE).await;
    (link_fault.does)(proxy);
    sleep(IN_FLIGHT_TIME).await;
    let answered = visits.answered();
    sleep(experiment.lasting.saturating_sub(IN_FLIGHT_TIME)).await;
    let (answered, asked) = (visits.answered() - answered, proxy.asked() - asked);
    let tried = proxy.connections() - tried;
    proxy.restore();
    experiment.cause_removed();
    sleep(PAUSE_AFTER).await;

    // A client that cannot connect sends no bytes.
    let is_used = asked >= MIN_CALL_BYTES || tried > 0;
    let mut injection = Injection::at_least_one(is_used.into(), &format!("no request used {link} ({asked} bytes)"));
    if !link_fault.is_answered && answered > 0 {
        injection.problems.push(format!("{link}: {answered} requests were answered though no answer can pass it"));
    }
    injection.problems.extend(rejected(link, &visits));
    Ok(Seen { visits: visits.begun(), injection })
}

/// Drops every byte on the existing connections of a link. New connections work at once, so the cause counts as removed
/// as soon as the fault is injected, and recovery includes the detection of dead connections.
async fn blackhole(experiment: &mut Experiment, user: &Account, link: Link) -> anyhow::Result<Injection> {
    let bounds = Bounds::new(experiment.slack, experiment.cluster.servers.broker.real().is_ok());
    let links = experiment.cluster.links.clone();
    let proxy = links.get(link)?;
    let visits = visit(user, experiment, near_end(link))?;
    let begun = clock::now();
    sleep(TRAFFIC_BEFORE).await;
    let tried = proxy.connections();
    proxy.blackhole();
    let span = FaultWindow { begun, ended: clock::now(), at: Instant::now() };
    let recovery = recovery::watch(&experiment.cluster, &experiment.load, span, experiment.slack).await;
    let is_used = proxy.connections() > tried;
    let mut done = Injection::at_least_one(is_used.into(), &format!("{link} made no new connection"));
    done.problems.extend(recovery.excesses(&bounds).into_iter().map(|excess| format!("{link}: {excess}")));
    done.notes.push(format!("{link}: {recovery}"));
    done.problems.extend(rejected(link, &visits));
    Ok(done)
}

fn rejected(link: Link, visits: &BackgroundTraffic) -> Option<String> {
    let count = visits.unauthenticated();
    (count > 0).then(|| format!("{link}: {count} requests were rejected as unauthenticated"))
}

/// Returns the service at the near end of a link; `None` if the customers' load is enough traffic.
fn near_end(link: Link) -> Option<&'static Service> {
    match link {
        // The customers' orders and loans cause these calls.
        Link::Call(from, to) if from.calls.contains(&Call::in_background(to.name)) => None,
        Link::Front(service) | Link::Call(service, _) | Link::Database(service) => Some(service),
        Link::Redis => Some(&iam::SERVICE),
        Link::Provider => Some(&payment::SERVICE),
        Link::Telegram => Some(&notification::SERVICE),
        Link::Checker => Some(&customers::SERVICE),
        // Every service uses Kafka.
        Link::Kafka => None,
    }
}
