//! The network between services cut, slow and half open.

use std::{fmt, time::Duration};

use ::faults::Proxy;
use rand::seq::IndexedRandom as _;
use tokio::time::sleep;

use super::inject;
use crate::{
    chaos::{
        fault::{Done, Fault, Injected, Stage},
        world::{CALLS, Fleet, Link},
    },
    services::Service,
};

pub const FAULTS: [Fault; 3] = [
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
];

const DELAY: Duration = Duration::from_millis(300);
/// How often a service may be asked for one request, on average: a tenth of all calls may be repeated.
const CALLS_PER_REQUEST: f64 = 1.1;

async fn cut(stage: &mut Stage) -> anyhow::Result<Injected> {
    on_each_call(stage, Proxy::cut).await
}

async fn slow(stage: &mut Stage) -> anyhow::Result<Injected> {
    on_each_call(stage, |proxy| proxy.delay(DELAY)).await
}

async fn half_open(stage: &mut Stage) -> anyhow::Result<Injected> {
    on_each_call(stage, Proxy::mute).await
}

async fn on_each_call(stage: &mut Stage, harm: fn(&Proxy)) -> anyhow::Result<Injected> {
    let lasting = Duration::from_secs(stage.scale(8, 4));
    let all: Vec<Link> =
        if stage.brief { CALLS.sample(&mut stage.random, 2).copied().collect() } else { CALLS.to_vec() };
    let mut problems = Vec::new();
    let mut notes = Vec::new();
    let links = stage.world.links.clone();
    for link in &all {
        let before = Asked::of(&stage.world.fleet).await?;
        harm(links.get(*link)?);
        sleep(lasting).await;
        let asked = Asked::of(&stage.world.fleet).await?.since(&before);
        links.get(*link)?.restore();
        // So that each is seen by itself.
        sleep(Duration::from_secs(2)).await;
        if asked.per_request() > CALLS_PER_REQUEST {
            problems.push(format!("{link}: {asked}"));
        }
        notes.push(format!("{link}: {asked}"));
    }
    Ok(Injected::Times(Done { times: all.len(), problems, notes }))
}

/// What the order service was asked, and how often it asked others once more.
struct Asked {
    requests: f64,
    retries: f64,
    exhausted: f64,
}

impl Asked {
    async fn of(fleet: &Fleet) -> anyhow::Result<Self> {
        Ok(Self {
            requests: fleet.metric(Service::Order, "http_requests_total").await?,
            retries: fleet.metric(Service::Order, "retries_total").await?,
            exhausted: fleet.metric(Service::Order, "retry_budget_exhausted_total").await?,
        })
    }

    fn since(&self, earlier: &Self) -> Self {
        Self {
            requests: self.requests - earlier.requests,
            retries: self.retries - earlier.retries,
            exhausted: self.exhausted - earlier.exhausted,
        }
    }

    fn per_request(&self) -> f64 {
        1.0 + self.retries / self.requests.max(1.0)
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let calls = self.per_request();
        write!(f, "{calls:.2} calls a request, the budget refused {} retries", self.exhausted)
    }
}
