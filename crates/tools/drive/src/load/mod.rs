//! An open-loop load generator. Mixed traffic arrives at a running shop at a constant rate, and the latency of a
//! request counts from when it was due. A slow shop does not delay arrivals, so that the waiting time of its users is
//! measured.

mod crowd;
mod mix;
mod peak;
mod plan;
mod recorder;
mod report;

use rand::{SeedableRng as _, rngs::SmallRng};
use tokio::time::timeout_at;

pub(crate) use self::crowd::parts;
use self::recorder::Recorder;
pub use self::{
    crowd::{Crowd, Options, register, register_with},
    mix::{Kind, Mix},
    peak::{Bounds, Peak, Step, find_peak},
    plan::Plan,
    report::{Figures, Report, Row},
};
use crate::{
    account::Failure,
    arrivals::{Schedule, open_loop},
};

/// The number of operations that may be in flight. Further arrivals are not sent, and count as failures.
const MAX_IN_FLIGHT: usize = 10_000;

impl Crowd {
    /// Creates the orders that the plan needs, sends its traffic, and reports. Fails if it needs more users; the error
    /// names the field.
    pub async fn measure(&self, plan: &Plan) -> anyhow::Result<Report> {
        plan.check(self.users(), self.parts().len())?;
        self.prepare(plan.reserve(), plan.mix.has(Kind::Get)).await?;
        let (mut recorder, mut rng) = (Recorder::new(plan), SmallRng::seed_from_u64(plan.seed));
        let schedule = Schedule { rate: plan.rate, length: plan.total() };
        open_loop(
            schedule,
            MAX_IN_FLIGHT,
            |_, due| {
                let kind = plan.mix.choose(&mut rng);
                let operation = self.operation(kind, plan.parts_per_order, &mut rng);
                let limit = plan.timeout(kind);
                let work = async move {
                    let answered = timeout_at(due + limit, operation.send()).await;
                    answered.unwrap_or_else(|_| Err(Failure::Owned(format!("no answer within {limit:?}"))))
                };
                (kind, work)
            },
            |arrival| recorder.record(arrival),
        )
        .await;
        Ok(Report::new(plan, self.users(), recorder.figures()))
    }
}
