//! A link between two programs harmed for a while, with traffic on it.

use std::time::Duration;

use platform::clock;
use stand_ins::Proxy;
use tokio::time::{Instant, sleep};

use super::background_traffic::ProbeUser;
use crate::{
    cluster::Link,
    experiment::{Experiment, Injection},
    recovery::{self, Bounds, FaultWindow},
};
use platform::service::Service;

/// What is done to a link.
#[derive(Clone, Copy)]
pub struct LinkFault {
    pub does: fn(&Proxy),
    /// True where the other end still hears what is asked.
    pub is_heard: bool,
    /// True where answers still come back.
    pub is_answered: bool,
}

impl LinkFault {
    pub const CUT: Self = Self { does: Proxy::cut, is_heard: false, is_answered: false };
    pub const HALF_OPEN: Self = Self { does: Proxy::mute, is_heard: true, is_answered: false };
}

/// What was seen of it.
#[derive(Default)]
pub struct Seen {
    /// How many visits there were, from before the link_fault to after it.
    pub visits: u64,
    pub problems: Vec<String>,
}

/// Less than this is no call but what keeps a connection alive.
const CALL_BYTES: u64 = 500;
/// There is traffic for so long before the link_fault.
const BEFORE: Duration = Duration::from_secs(1);
/// By then every answer has arrived that was given before the link_fault.
const IN_FLIGHT: Duration = Duration::from_secs(1);
/// So that each is seen by itself.
const AFTER: Duration = Duration::from_secs(3);

/// Does this to a link for a while, while visitors ask the service at its near end. A link on which nothing was asked, and
/// an answer for which the link was needed and that came all the same, are problems.
pub async fn link_fault(
    experiment: &mut Experiment,
    user: &ProbeUser,
    link: Link,
    link_fault: LinkFault,
    lasting: Duration,
) -> anyhow::Result<Seen> {
    let links = experiment.cluster.links.clone();
    let proxy = links.get(link)?;
    let visits = user.visit(experiment, near_end(link))?;
    let (asked, tried) = (proxy.asked(), proxy.connections());
    sleep(BEFORE).await;
    (link_fault.does)(proxy);
    sleep(IN_FLIGHT).await;
    let answered = visits.answered();
    sleep(lasting.saturating_sub(IN_FLIGHT)).await;
    let (answered, asked) = (visits.answered() - answered, proxy.asked() - asked);
    let tried = proxy.connections() - tried;
    proxy.restore();
    experiment.cause_removed();
    sleep(AFTER).await;

    let mut seen = Seen { visits: visits.begun(), ..Seen::default() };
    // Who cannot connect sends nothing.
    if asked < CALL_BYTES && tried == 0 {
        seen.problems.push(format!("it was missed: nobody asked by {link}, {asked} bytes"));
    }
    if !link_fault.is_answered && answered > 0 {
        seen.problems.push(format!("{link}: {answered} visitors were answered though nothing came back by it"));
    }
    if visits.unauthenticated() > 0 {
        let unauthenticated = visits.unauthenticated();
        seen.problems.push(format!("{link}: {unauthenticated} visitors were told that their session is not valid"));
    }
    Ok(seen)
}

/// Drops every byte on a link's connections for good, one link after another. New ones work at once, so the cause is gone as soon as
/// it is there: each recovery counts from the drop, and has to find out by itself that nothing comes any more.
pub async fn blackhole(experiment: &mut Experiment, user: &ProbeUser, links: &[Link]) -> anyhow::Result<Injection> {
    let mut done = Injection { times: links.len(), ..Injection::default() };
    let bounds = Bounds::of(experiment.slack, experiment.cluster.servers.broker.real().is_ok());
    for link in links {
        let all = experiment.cluster.links.clone();
        let proxy = all.get(*link)?;
        let visits = user.visit(experiment, near_end(*link))?;
        let begun = clock::now();
        sleep(BEFORE).await;
        let tried = proxy.connections();
        proxy.blackhole();
        let span = FaultWindow { begun, ended: clock::now(), at: Instant::now() };
        let recovery = recovery::watch(&experiment.cluster, &experiment.load, span, experiment.slack).await;
        done.problems.extend(recovery.excesses(&bounds).into_iter().map(|excess| format!("{link}: {excess}")));
        done.notes.push(format!("{link}: {recovery}"));
        if proxy.connections() == tried {
            done.problems.push(format!("it was missed: no new connection was made by {link}"));
        }
        if visits.unauthenticated() > 0 {
            let unauthenticated = visits.unauthenticated();
            done.problems.push(format!("{link}: {unauthenticated} visitors were told that their session is not valid"));
        }
    }
    Ok(done)
}

/// The service that asks by a link.
fn near_end(link: Link) -> &'static Service {
    match link {
        Link::Front(service) | Link::Call(service, _) | Link::Database(service) => service,
        Link::Redis => &iam::SERVICE,
        Link::Provider => &payment::SERVICE,
        Link::Telegram => &notification::SERVICE,
        // All of them: customers are enough.
        Link::Kafka => &order::SERVICE,
    }
}
