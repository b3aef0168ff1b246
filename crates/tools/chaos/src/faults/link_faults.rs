//! Faults of a single network link, injected for a while under traffic.

use std::time::Duration;

use drive::account::Account;
use platform::clock;
use stand_ins::Proxy;
use tokio::time::{Instant, sleep};

use super::background_traffic::{BackgroundTraffic, visit};
use crate::{
    cluster::Link,
    experiment::{Experiment, Injection},
    recovery::{self, Bounds, FaultWindow},
};
use platform::server::service::{Call, Service};

#[derive(Clone, Copy)]
pub struct LinkFault {
    pub does: fn(&Proxy),
    /// True if requests still arrive at the far end of the link.
    pub is_heard: bool,
    /// True if answers still arrive at the near end.
    pub is_answered: bool,
}

pub struct Seen {
    /// The number of background requests, from before the fault until after it.
    pub visits: u64,
    pub injection: Injection,
}

/// The fewest bytes that count as a call; keep-alive traffic has fewer.
const MIN_CALL_BYTES: u64 = 500;
const TRAFFIC_BEFORE: Duration = Duration::from_secs(1);
/// After this time, every answer to a request from before the fault has arrived.
const IN_FLIGHT_TIME: Duration = Duration::from_secs(1);
/// The pause between two faults.
const PAUSE_AFTER: Duration = Duration::from_secs(3);

/// Injects a fault into a link while background traffic calls the service at its near end. Reports a problem if requests
/// that need the link were answered nevertheless.
pub async fn link_fault(
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
pub async fn blackhole(experiment: &mut Experiment, user: &Account, link: Link) -> anyhow::Result<Injection> {
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
