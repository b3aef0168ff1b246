//! The peak: the highest constant rate of orders that the shop keeps up with.

use drive::load::{self, Bounds, Crowd, Kind, Mix, Plan, Row, find_peak};

use crate::{lab::Lab, sample::Sample};

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
    pub async fn measure(&self, rate: u32) -> anyhow::Result<Sample> {
        let Row { tally, goodput } = self.crowd.measure(&self.plan.at(rate)).await?.figures.all;
        anyhow::ensure!(goodput > 0.0, "no order was created: {:?}", tally.reasons());
        let latency = tally.latencies.percentiles();
        Ok(Sample { value: goodput, p50: latency.p50, p99: latency.p99 })
    }
}
