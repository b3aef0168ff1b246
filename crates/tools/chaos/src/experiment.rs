//! A fault, the system under it, and the result of the injection.

use std::{fmt, time::Duration};

use chrono::{DateTime, Utc};
use drive::customers::Load;
use futures::future::LocalBoxFuture;
use platform::clock;
use rand::{SeedableRng as _, rngs::SmallRng};
use tokio::{sync::watch, time::Instant};

use super::{
    cluster::Cluster,
    recording::Recordings,
    recovery::After::{self, Fenced, Restarted, Usual},
};

/// Injects a fault, and returns when its cause is removed.
pub type Inject = for<'a> fn(&'a mut Experiment) -> LocalBoxFuture<'a, anyhow::Result<Injected>>;

/// A row of the table of faults.
#[derive(Clone, Copy)]
pub struct Fault {
    /// The number that `--list` shows and `--only` accepts; related faults share it.
    pub number: u8,
    /// The name for `--only`.
    pub name: &'static str,
    what: &'static str,
    /// The condition that must hold besides the bounds and the audit; empty if there is none.
    pub holds: &'static str,
    /// The seconds for which the cause lasts, in a full and in a brief run.
    seconds: (u64, u64),
    /// The number of injections, or of targets that the fault affects, in a full and in a brief run.
    times: (usize, usize),
    pub after: After,
    pub inject: Inject,
}

impl Fault {
    pub const fn new(number: u8, name: &'static str, what: &'static str, inject: Inject) -> Self {
        Self { number, name, what, holds: "", seconds: (0, 0), times: (1, 1), after: Usual, inject }
    }

    #[must_use]
    pub const fn lasting(self, full: u64, brief: u64) -> Self {
        Self { seconds: (full, brief), ..self }
    }

    #[must_use]
    pub const fn times(self, full: usize, brief: usize) -> Self {
        Self { times: (full, brief), ..self }
    }

    #[must_use]
    pub const fn holds(self, holds: &'static str) -> Self {
        Self { holds, ..self }
    }

    /// Declares that afterwards nothing is wrong, except that processes have just started.
    #[must_use]
    pub const fn restarting(self) -> Self {
        Self { after: Restarted, ..self }
    }

    /// Declares that the broker must rejoin its cluster afterwards.
    #[must_use]
    pub const fn fencing(self) -> Self {
        Self { after: Fenced, ..self }
    }
}

/// Shows the fault, the duration of its cause and the number of injections, in a full run.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut extent = Vec::new();
        match self.seconds.0 {
            0 => {}
            seconds if seconds % 60 == 0 => extent.push(format!("{} min", seconds / 60)),
            seconds => extent.push(format!("{seconds} s")),
        }
        if !matches!(self.times.0, 1 | usize::MAX) {
            extent.push(format!("{} times", self.times.0));
        }
        let extent = if extent.is_empty() { String::new() } else { format!(" ({})", extent.join(", ")) };
        write!(f, "{}{extent}", self.what)
    }
}

/// When the cause of the present fault began and when it was removed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cause {
    /// `None` while the fault waits for something to act on. Only the faults of the playground report when they begin.
    pub begun: Option<DateTime<Utc>>,
    pub removed: Option<(DateTime<Utc>, Instant)>,
}

/// The context of a fault: the running system, its load, and the settings of the run.
pub struct Experiment {
    pub cluster: Cluster,
    pub load: Load,
    /// Seeded per fault, so that a fault's random choices do not depend on earlier faults.
    pub random: SmallRng,
    /// The duration of the present fault's cause.
    pub lasting: Duration,
    /// The number of times that the present fault is injected.
    pub times: usize,
    /// True for a short run: fewer repetitions, shorter durations.
    pub brief: bool,
    /// The factor for allowed recovery times, for a busy machine.
    pub slack: u32,
    pub(super) cause: watch::Sender<Cause>,
    pub(super) recordings: Recordings,
}

pub enum Injected {
    Done(Injection),
    /// The fault cannot be injected here, for this reason.
    Skipped(String),
}

#[derive(Default)]
pub struct Injection {
    /// The number of times that the fault found something to act on.
    pub times: usize,
    /// The targets that the fault did not affect: no violation, but no proof either.
    pub idle: Vec<String>,
    /// Violations that the fault itself observed, such as a request that the shop should have rejected.
    pub problems: Vec<String>,
    pub notes: Vec<String>,
    /// True if the fault ends sessions: customers then have to log in again.
    pub ends_sessions: bool,
}

impl Injection {
    pub fn once() -> Self {
        Self { times: 1, ..Self::default() }
    }

    /// Returns an injection of `times`. If it is 0, the fault found nothing to act on, and `what` says why.
    pub fn at_least_one(times: usize, what: &str) -> Self {
        let idle = if times == 0 { vec![what.to_owned()] } else { Vec::new() };
        Self { times, idle, ..Self::default() }
    }

    pub fn add(&mut self, other: Self) {
        self.times += other.times;
        self.idle.extend(other.idle);
        self.problems.extend(other.problems);
        self.notes.extend(other.notes);
        self.ends_sessions |= other.ends_sessions;
    }
}

impl Injected {
    pub fn times(times: usize) -> anyhow::Result<Self> {
        Ok(Self::Done(Injection { times, ..Injection::default() }))
    }
}

impl Experiment {
    pub(super) fn new(cluster: Cluster, load: Load, seed: u64, brief: bool, slack: u32) -> Self {
        Self {
            cluster,
            load,
            random: SmallRng::seed_from_u64(seed),
            lasting: Duration::ZERO,
            times: 1,
            brief,
            slack,
            cause: watch::Sender::default(),
            recordings: Recordings::default(),
        }
    }

    /// Takes over the extent of `fault`.
    pub(super) fn begin(&mut self, fault: &Fault) {
        self.lasting = Duration::from_secs(self.scale(fault.seconds.0, fault.seconds.1));
        self.times = self.scale(fault.times.0, fault.times.1);
        self.cause.send_replace(Cause::default());
    }

    /// Records that the cause begins, for the first time or again.
    pub fn cause_begins(&self) {
        self.cause.send_modify(|cause| {
            cause.begun = cause.begun.or_else(|| Some(clock::now()));
            cause.removed = None;
        });
    }

    /// Records that the cause is removed. Recovery is measured from this moment, not from the fault's return.
    pub fn cause_removed(&self) {
        self.cause.send_modify(|cause| cause.removed = Some((clock::now(), Instant::now())));
    }

    /// Returns `full`, or `brief` in a short run.
    pub fn scale<T>(&self, full: T, brief: T) -> T {
        if self.brief { brief } else { full }
    }
}
