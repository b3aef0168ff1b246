//! P7 and P8: orders arrive at a constant rate, half or twice the shop's peak, whether or not the shop keeps up.

use drive::load::{self, Bounds, Crowd, Mix, Plan, find_peak};

use crate::{
    lab::{Lab, Variant},
    report::{Aim, Role, Row, Unit},
    rounds::{Probe, interleave},
    sample::Sample,
};

/// The users of the load generator. Each gets at most 900 unpaid orders, and a run makes up to half a million.
const USERS: usize = 2_000;
const CONNECTIONS: usize = 64;
/// How many requests a step of the search needs for a p99.
const MIN_SAMPLES: f64 = 110.0;

/// The load generator's users, and the highest rate that the shop keeps up with.
pub struct Peak {
    pub crowd: Crowd,
    pub plan: Plan,
    pub rate: u32,
}

impl Peak {
    pub async fn find(lab: &Lab, addresses: client::addresses::ShopAddresses) -> anyhow::Result<Self> {
        let options = load::Options { addresses, users: USERS, connections: CONNECTIONS, kinds_of_parts: None };
        let crowd = Crowd::gather(&options, |_| {}).await?;
        let time = lab.effort.time;
        let plan = Plan { mix: "create=1".parse::<Mix>()?, warm_up: time / 4, length: time, ..Plan::default() };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most a thousand")]
        let from = (MIN_SAMPLES / time.as_secs_f64()).ceil() as u32;
        let bounds = Bounds::default();
        let bounds = Bounds { from: bounds.from.max(from), ..bounds };
        let step = async |rate| {
            lab.settle().await?;
            lab.progress.say(&format!("searching for the peak: {rate}/s"));
            crowd.measure(&plan.at(rate), |_| {}).await
        };
        let peak = find_peak(&bounds, step, |_| {}).await?;
        let rate = peak.rate.ok_or_else(|| anyhow::anyhow!("the shop does not even keep up with {}/s", bounds.from))?;
        lab.progress.tell(&format!("     peak: {rate}/s of POST /orders"));
        Ok(Self { crowd, plan, rate })
    }

    /// Sends orders at this rate. Returns how many are created per second, and their latencies.
    pub async fn measure(&self, rate: u32) -> anyhow::Result<Sample> {
        let figures = self.crowd.measure(&self.plan.at(rate), |_| {}).await?.figures.all;
        anyhow::ensure!(figures.goodput > 0.0, "no order was created: {:?}", figures.failures);
        Ok(Sample {
            value: figures.goodput,
            p50: figures.latency.p50,
            p99: figures.latency.p99,
            count: usize::try_from(figures.operations)?,
        })
    }
}

pub async fn twice_the_peak(lab: &Lab) -> anyhow::Result<Vec<Row>> {
    lab.parts().await?;
    let shop = lab.shop(Variant::Usual).await?;
    let peak = &Peak::find(lab, shop.addresses()).await?;
    let probes = vec![
        Probe::numerator("goodput at twice the peak", || peak.measure(peak.rate * 2)),
        Probe::denominator("goodput at the peak", || peak.measure(peak.rate)),
    ];
    let taken = interleave(probes, lab.effort, &lab.progress, async || lab.settle().await).await?;
    let name = "goodput at twice the peak load ÷ peak";
    let row = taken.row("P7", name, Aim::AtLeast(0.95), &[0, 1], |round| round[0].value / round[1].value)?;
    Ok(vec![row.with_notes([format!("POST /orders at a constant rate of arrivals; the peak is {}/s", peak.rate)])])
}

pub async fn half_of_peak(lab: &Lab) -> anyhow::Result<Vec<Row>> {
    lab.parts().await?;
    let shop = lab.shop(Variant::Usual).await?;
    let peak = &Peak::find(lab, shop.addresses()).await?;
    let probe = Probe::new(Role::Numerator, Unit::PerSecond, "POST /orders at half of the peak", || {
        peak.measure(peak.rate / 2)
    });
    let taken = interleave(vec![probe], lab.effort, &lab.progress, async || lab.settle().await).await?;
    let name = "p99 ÷ p50 of POST /orders at half of peak";
    let row = taken.row("P8", name, Aim::AtMost(4.0), &[0], |round| {
        round[0].p99.zip(round[0].p50).map_or(f64::NAN, |(p99, p50)| p99 / p50)
    })?;
    Ok(vec![row.with_notes([format!("a constant rate of arrivals; the peak is {}/s", peak.rate)])])
}
