//! One measurement: creates the orders that its mix needs, sends its traffic, and reports.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rand::{SeedableRng as _, rngs::SmallRng};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout_at};

use crate::{
    account::Failure,
    arrivals::{Schedule, open_loop},
    load::{
        cpu,
        crowd::Crowd,
        mix::Kind,
        plan::Plan,
        recorder::{Progress, Recorder},
        report::Report,
    },
    timer::Timer,
};

const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// The current stage of a measurement.
#[derive(Clone, Copy, Debug)]
pub enum Stage {
    /// Orders to pay, cancel or read are being created: this many so far.
    Preparing(usize),
    Measuring(Progress),
}

impl Crowd {
    /// Measures the plan. If these users do not suffice for it, fails and names the field.
    pub async fn measure(&self, plan: &Plan, mut watch: impl FnMut(Stage)) -> anyhow::Result<Report> {
        plan.check(self.users(), self.parts().len())?;
        self.prepare(plan.reserve(), plan.mix.has(Kind::Get), |made| watch(Stage::Preparing(made))).await?;
        let recorder = Mutex::new(Recorder::new(plan));
        let begun = Instant::now();
        let mut spent_before = Spent::default();
        tokio::select! {
            () = self.send(plan, &recorder) => {}
            () = follow(&recorder, begun, &mut watch) => {}
            () = weigh(&recorder, begun + plan.warm_up, &mut spent_before) => {}
        }
        let cost = Spent::new(&recorder).since(spent_before);
        Ok(Report::new(plan, self.users(), lock(&recorder).figures(), cost))
    }

    async fn send(&self, plan: &Plan, recorder: &Mutex<Recorder>) {
        let mut rng = SmallRng::seed_from_u64(plan.seed);
        let schedule = Schedule { rate: plan.rate, length: plan.total() };
        open_loop(
            schedule,
            plan.in_flight,
            Timer::Thread,
            |_, due| {
                lock(recorder).arrive();
                let kind = plan.mix.choose(&mut rng);
                let operation = self.operation(kind, plan.parts_per_order, &mut rng);
                let limit = plan.timeout(kind);
                let work = async move {
                    let answered = timeout_at(due + limit, operation.send()).await;
                    answered.unwrap_or_else(|_| Err(Failure::Owned(format!("no answer within {limit:?}"))))
                };
                (kind, work)
            },
            |arrival| lock(recorder).record(arrival),
        )
        .await;
    }
}

/// Reports progress every second. Never returns.
async fn follow(recorder: &Mutex<Recorder>, begun: Instant, watch: &mut impl FnMut(Stage)) {
    let mut ticks = interval_at(begun + REPORT_INTERVAL, REPORT_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let progress = lock(recorder).progress(begun.elapsed());
        watch(Stage::Measuring(progress));
    }
}

/// Records the processor time used at the end of the warm-up. Never returns.
async fn weigh(recorder: &Mutex<Recorder>, at: Instant, spent: &mut Spent) {
    sleep_until(at).await;
    *spent = Spent::new(recorder);
    std::future::pending::<()>().await;
}

/// This process's processor time, and the number of arrivals so far.
#[derive(Clone, Copy, Default)]
struct Spent {
    time: Option<Duration>,
    arrivals: u64,
}

impl Spent {
    fn new(recorder: &Mutex<Recorder>) -> Self {
        Self { time: cpu::time(), arrivals: lock(recorder).arrived() }
    }

    /// Returns the processor time, in microseconds, per operation that came due since `before`; `None` if none came
    /// due, or if the system does not report the time.
    fn since(self, before: Self) -> Option<f64> {
        let time = self.time?.saturating_sub(before.time?);
        let arrivals = u32::try_from(self.arrivals - before.arrivals).ok().filter(|count| *count > 0)?;
        Some(time.as_secs_f64() * 1e6 / f64::from(arrivals))
    }
}

fn lock(recorder: &Mutex<Recorder>) -> MutexGuard<'_, Recorder> {
    recorder.lock().unwrap_or_else(PoisonError::into_inner)
}
