//! A fault, the system under it, and the result of the injection.

use chrono::{DateTime, Utc};
use futures::future::LocalBoxFuture;
use platform::clock;
use rand::rngs::SmallRng;
use tokio::time::Instant;

use super::{cluster::Cluster, load::Load};

#[derive(Clone, Copy)]
pub struct Fault {
    /// The number that `--list` shows and `--only` accepts; related faults share it.
    pub number: u8,
    /// The name for `--only`.
    pub name: &'static str,
    pub what: &'static str,
    /// Injects the fault, and returns when its cause is removed.
    pub inject: for<'a> fn(&'a mut Experiment) -> LocalBoxFuture<'a, anyhow::Result<Injected>>,
}

/// The context of a fault: the running system, its load, and the settings of the run.
pub struct Experiment {
    pub cluster: Cluster,
    pub load: Load,
    /// Seeded per fault, so that a fault's random choices do not depend on earlier faults.
    pub random: SmallRng,
    /// True for a short run: fewer repetitions, shorter durations.
    pub brief: bool,
    /// The factor for allowed recovery times, for a busy machine.
    pub slack: u32,
    /// When the cause of the fault was last removed.
    pub(super) removed_at: Option<(DateTime<Utc>, Instant)>,
}

pub enum Injected {
    Done(Injection),
    /// The fault cannot be injected here, for this reason.
    Skipped(String),
}

#[derive(Default)]
pub struct Injection {
    pub times: usize,
    /// Violations that the fault itself observed, such as a request that the shop should have rejected.
    pub problems: Vec<String>,
    pub notes: Vec<String>,
    /// True if the fault ends sessions, so that customers have to log in again.
    pub ends_sessions: bool,
}

impl Injection {
    /// Returns an injection of `times`. For 0, it has a problem, described by `what`.
    pub fn at_least_one(times: usize, what: &str) -> Self {
        let problems = if times == 0 { vec![format!("the fault had no effect: {what}")] } else { Vec::new() };
        Self { times, problems, ..Self::default() }
    }
}

impl Injected {
    pub fn times(times: usize) -> anyhow::Result<Self> {
        Ok(Self::Done(Injection { times, ..Injection::default() }))
    }
}

impl Experiment {
    /// Records that the cause is removed. Recovery is measured from this moment, not from the fault's return.
    pub fn cause_removed(&mut self) {
        self.removed_at = Some((clock::now(), Instant::now()));
    }

    /// Returns `full`, or `brief` in a short run.
    pub fn scale<T>(&self, full: T, brief: T) -> T {
        if self.brief { brief } else { full }
    }
}
