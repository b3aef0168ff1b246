//! P10: the memory of the shop's six services, each in its own process. P11: the time from the process's start until
//! all services are ready, with running servers and existing schemas.

use std::time::Duration;

use drive::load::{self, Bounds, Crowd, Kind, Mix, Plan, find_peak};
use operations::registry::SERVICES;

use crate::{
    lab::{Lab, Shop, Variant},
    report::{Aim, Role, Row, Unit},
    rounds::{Probe, interleave},
    sample::Sample,
};

/// The number of services that the aim of P10 is about, the first of the registry.
const MEASURED: usize = 6;
/// How often memory is read under load. The largest sum counts.
const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// After this time, temporary memory of the start is freed.
const IDLE_TIME: Duration = Duration::from_secs(5);

pub async fn memory(lab: &Lab) -> anyhow::Result<Vec<Row>> {
    // The first start applies the migrations and fills the catalogue.
    lab.parts().await?;
    let services = lab.apart(&SERVICES[..MEASURED], Vec::new()).await?;
    let (outcome, each) = measure(lab, &services).await?;
    services.stop().await;
    let [idle, busy] = outcome;
    let [idle_each, busy_each] = each.map(|each| format!("MiB of each: {each}"));
    let how =
        "anonymous memory (RssAnon), which a cgroup charges to its service alone; pages of the program file are shared";
    Ok(vec![idle.with_notes([idle_each, how.to_owned()]), busy.with_notes([busy_each])])
}

async fn measure(lab: &Lab, services: &Shop) -> anyhow::Result<([Row; 2], [String; 2])> {
    tokio::time::sleep(IDLE_TIME.max(lab.effort.time)).await;
    services.settle().await?;
    let idle_each = services.memory()?;
    let idle = Probe::new(Role::Numerator, Unit::Mebibytes, "six services, idle", || async {
        Ok(Sample::new(sum(&services.memory()?)))
    });
    // The two probes do not take turns: after load, a service's memory is no longer that of an idle one.
    let settle = async || services.settle().await;
    let idle = interleave(vec![idle], lab.effort, settle).await?;
    let peak = &Peak::find(lab, services.addresses()).await?;
    let busy = Probe::new(Role::Numerator, Unit::Mebibytes, "six services at half of peak", || async {
        let mut most = 0.0_f64;
        let load = peak.measure(peak.rate / 2);
        let mut load = std::pin::pin!(load);
        loop {
            tokio::select! {
                sample = &mut load => return Ok(Sample { value: most, ..sample? }),
                () = tokio::time::sleep(POLL_INTERVAL) => most = most.max(sum(&services.memory()?)),
            }
        }
    });
    let busy = interleave(vec![busy], lab.effort, settle).await?;
    let rows = [
        idle.row("P10", "memory of the six services, idle", Aim::AtMost(80.0), &[0], |round| round[0].value)?,
        busy.row("P10", "memory of the six services at half of their peak", Aim::None, &[0], |round| round[0].value)?,
    ];
    Ok((rows, [shown(&idle_each), shown(&services.memory()?)]))
}

fn sum(each: &[(&str, f64)]) -> f64 {
    each.iter().map(|(_, memory)| memory).sum()
}

fn shown(each: &[(&str, f64)]) -> String {
    each.iter().map(|(service, memory)| format!("{service} {memory:.1}")).collect::<Vec<_>>().join(", ")
}

/// The users of the load generator. Each gets at most 900 unpaid orders, and a run makes up to half a million.
const USERS: usize = 2_000;
const CONNECTIONS: usize = 64;
/// How many requests a step of the search needs for a p99.
const MIN_SAMPLES: f64 = 110.0;

/// The load generator's users, and the highest rate that the shop keeps up with.
struct Peak {
    crowd: Crowd,
    plan: Plan,
    rate: u32,
}

impl Peak {
    async fn find(lab: &Lab, addresses: client::addresses::ShopAddresses) -> anyhow::Result<Self> {
        let options = load::Options { addresses, users: USERS, connections: CONNECTIONS, kinds_of_parts: None };
        let crowd = Crowd::gather(&options).await?;
        let time = lab.effort.time;
        let plan = Plan { mix: Mix::only(Kind::Create), warm_up: time / 4, length: time, ..Plan::default() };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most a thousand")]
        let from = (MIN_SAMPLES / time.as_secs_f64()).ceil() as u32;
        let bounds = Bounds::default();
        let bounds = Bounds { from: bounds.from.max(from), ..bounds };
        let step = async |rate| {
            lab.settle().await?;
            crowd.measure(&plan.at(rate)).await
        };
        let peak = find_peak(&bounds, step, |step| eprintln!("{step}")).await?;
        let rate = peak.rate.ok_or_else(|| anyhow::anyhow!("the shop does not even keep up with {}/s", bounds.from))?;
        Ok(Self { crowd, plan, rate })
    }

    /// Sends orders at this rate. Returns how many are created per second, and their latencies.
    async fn measure(&self, rate: u32) -> anyhow::Result<Sample> {
        let load::Row { tally, goodput } = self.crowd.measure(&self.plan.at(rate)).await?.figures.all;
        anyhow::ensure!(goodput > 0.0, "no order was created: {:?}", tally.reasons());
        let latency = tally.latencies.percentiles();
        Ok(Sample { value: goodput, p50: latency.p50, p99: latency.p99 })
    }
}

pub async fn start(lab: &Lab) -> anyhow::Result<Vec<Row>> {
    // The first start applies the migrations and creates the topics.
    lab.shop(Variant::Usual).await?;
    let probe = Probe::new(Role::Numerator, Unit::Seconds, "start → ready", || async {
        lab.stop_shop().await;
        let shop = lab.shop(Variant::Usual).await?;
        Ok(Sample::new(shop.ready_after.as_secs_f64()))
    });
    let taken = interleave(vec![probe], lab.effort, async || Ok(())).await?;
    let row = taken.row("P11", "start until every service is ready", Aim::AtMost(0.2), &[0], |round| round[0].value)?;
    Ok(vec![row.with_notes(["all services in one process; the databases are migrated".to_owned()])])
}
