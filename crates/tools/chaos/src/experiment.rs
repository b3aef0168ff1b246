//! A fault, the system that it is injected into, and the result of the injection.

use chrono::{DateTime, Utc};
use futures::future::LocalBoxFuture;
use platform::clock;
use rand::rngs::SmallRng;
use tokio::time::Instant;

use super::{cluster::Cluster, load::Load};

/// A fault, as the report lists it.
#[derive(Clone, Copy)]
pub struct Fault {
    /// The number that `--list` shows and `--only` accepts; related faults share it.
    pub number: u8,
    /// The name that `--only` selects it by.
    pub name: &'static str,
    /// One line of description.
    pub what: &'static str,
    /// Injects the fault, and returns when its cause is removed.
    pub inject: for<'a> fn(&'a mut Experiment) -> LocalBoxFuture<'a, anyhow::Result<Injected>>,
}

/// The context of a fault: the running system, the load on it, and the settings of the run.
pub struct Experiment {
    pub cluster: Cluster,
    pub load: Load,
    /// Seeded per fault, so that a fault makes the same random choices after any other.
    pub random: SmallRng,
    /// True for a short run: fewer repetitions, shorter durations.
    pub brief: bool,
    /// The factor by which allowed recovery times are multiplied, for a busy machine.
    pub slack: u32,
    /// When the cause of the fault was last removed.
    pub(super) removed_at: Option<(DateTime<Utc>, Instant)>,
}

/// The result of an injection.
pub enum Injected {
    /// The fault was injected.
    Done(Injection),
    /// The fault cannot be injected here, for this reason.
    Skipped(String),
}

#[derive(Default)]
pub struct Injection {
    pub times: usize,
    /// Violations that the fault observed itself: a request that should have been rejected, or one that should not have failed.
    pub problems: Vec<String>,
    /// Notes for the reader of the report.
    pub notes: Vec<String>,
    /// True if the fault ends sessions, so that customers have to log in again.
    pub ends_sessions: bool,
}

impl Injection {
    /// Returns an injection of `times`. Zero times is a problem, described by `what`.
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
    /// Records that the cause is removed. Recovery is measured from this moment, not from when the fault returns.
    pub fn cause_removed(&mut self) {
        self.removed_at = Some((clock::now(), Instant::now()));
    }

    /// Returns `full`, or `brief` in a short run.
    pub fn scale<T>(&self, full: T, brief: T) -> T {
        if self.brief { brief } else { full }
    }
}
