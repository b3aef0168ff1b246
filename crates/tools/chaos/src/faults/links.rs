//! A link between two programs harmed for a while, with traffic on it.

use std::time::Duration;

use platform::clock;
use stand_ins::Proxy;
use tokio::time::{Instant, sleep};

use super::visitors::Visitor;
use crate::{
    fault::{Done, Stage},
    recovery::{self, Bounds, Span},
    world::Link,
};
use platform::service::Service;

/// What is done to a link.
#[derive(Clone, Copy)]
pub struct Harm {
    pub does: fn(&Proxy),
    /// True where the other end still hears what is asked.
    pub is_heard: bool,
    /// True where answers still come back.
    pub is_answered: bool,
}

impl Harm {
    pub const CUT: Self = Self { does: Proxy::cut, is_heard: false, is_answered: false };
    pub const HALF_OPEN: Self = Self { does: Proxy::mute, is_heard: true, is_answered: false };
}

/// What was seen of it.
#[derive(Default)]
pub struct Seen {
    /// How many visits there were, from before the harm to after it.
    pub visits: u64,
    pub problems: Vec<String>,
}

/// Less than this is no call but what keeps a connection alive.
const CALL_BYTES: u64 = 500;
/// There is traffic for so long before the harm.
const BEFORE: Duration = Duration::from_secs(1);
/// By then every answer has arrived that was given before the harm.
const IN_FLIGHT: Duration = Duration::from_secs(1);
/// So that each is seen by itself.
const AFTER: Duration = Duration::from_secs(3);

/// Does this to a link for a while, while visitors ask the service at its near end. A link on which nothing was asked, and
/// an answer for which the link was needed and that came all the same, are problems.
pub async fn harm(
    stage: &mut Stage,
    visitor: &Visitor,
    link: Link,
    harm: Harm,
    lasting: Duration,
) -> anyhow::Result<Seen> {
    let links = stage.world.links.clone();
    let proxy = links.get(link)?;
    let visits = visitor.visit(stage, near_end(link))?;
    let (asked, tried) = (proxy.asked(), proxy.connections());
    sleep(BEFORE).await;
    (harm.does)(proxy);
    sleep(IN_FLIGHT).await;
    let answered = visits.answered();
    sleep(lasting.saturating_sub(IN_FLIGHT)).await;
    let (answered, asked) = (visits.answered() - answered, proxy.asked() - asked);
    let tried = proxy.connections() - tried;
    proxy.restore();
    stage.gone();
    sleep(AFTER).await;

    let mut seen = Seen { visits: visits.begun(), ..Seen::default() };
    // Who cannot connect sends nothing.
    if asked < CALL_BYTES && tried == 0 {
        seen.problems.push(format!("it was missed: nobody asked by {link}, {asked} bytes"));
    }
    if !harm.is_answered && answered > 0 {
        seen.problems.push(format!("{link}: {answered} visitors were answered though nothing came back by it"));
    }
    if visits.strangers() > 0 {
        let strangers = visits.strangers();
        seen.problems.push(format!("{link}: {strangers} visitors were told that their session is not valid"));
    }
    Ok(seen)
}

/// Drops every byte on a link's connections for good, one link after another. New ones work at once, so the cause is gone as soon as
/// it is there: each recovery counts from the drop, and has to find out by itself that nothing comes any more.
pub async fn blackhole(stage: &mut Stage, visitor: &Visitor, links: &[Link]) -> anyhow::Result<Done> {
    let mut done = Done { times: links.len(), ..Done::default() };
    let bounds = Bounds::of(stage.slack, stage.world.servers.broker.real().is_ok());
    for link in links {
        let all = stage.world.links.clone();
        let proxy = all.get(*link)?;
        let visits = visitor.visit(stage, near_end(*link))?;
        let begun = clock::now();
        sleep(BEFORE).await;
        let tried = proxy.connections();
        proxy.blackhole();
        let span = Span { begun, ended: clock::now(), at: Instant::now() };
        let recovery = recovery::watch(&stage.world, &stage.load, span, stage.slack).await;
        done.problems.extend(recovery.excesses(&bounds).into_iter().map(|excess| format!("{link}: {excess}")));
        done.notes.push(format!("{link}: {recovery}"));
        if proxy.connections() == tried {
            done.problems.push(format!("it was missed: no new connection was made by {link}"));
        }
        if visits.strangers() > 0 {
            let strangers = visits.strangers();
            done.problems.push(format!("{link}: {strangers} visitors were told that their session is not valid"));
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
