//! One measurement: creates the orders that its mix needs, sends its traffic, and reports.

use rand::{SeedableRng as _, rngs::SmallRng};
use tokio::time::timeout_at;

use crate::{
    account::Failure,
    arrivals::{Schedule, open_loop},
    load::{crowd::Crowd, mix::Kind, plan::Plan, recorder::Recorder, report::Report},
};

/// The number of operations that may be in flight. Further arrivals are not sent, and count as failures.
const MAX_IN_FLIGHT: usize = 10_000;

impl Crowd {
    /// Measures the plan. Fails if it needs more users; the error names the field.
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
