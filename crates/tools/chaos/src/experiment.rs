//! What a fault is: a name, and how it is done to a world under load.

use chrono::{DateTime, Utc};
use futures::future::LocalBoxFuture;
use platform::clock;
use rand::rngs::SmallRng;
use tokio::time::Instant;

use super::{cluster::Cluster, load::Load};

/// Something that goes wrong, as the report has it.
#[derive(Clone, Copy)]
pub struct Fault {
    /// The number in the project's list of faults.
    pub number: u8,
    /// By which `--only` names it.
    pub name: &'static str,
    /// One line for people.
    pub what: &'static str,
    /// Does it, and returns when its cause is gone.
    pub inject: for<'a> fn(&'a mut Experiment) -> LocalBoxFuture<'a, anyhow::Result<Injected>>,
}

/// What a fault is done to.
pub struct Experiment {
    pub cluster: Cluster,
    pub load: Load,
    /// Of this fault alone, so that it does the same whatever was done before it.
    pub random: SmallRng,
    /// True for a look instead of a proof: fewer times, shorter.
    pub brief: bool,
    /// How many times longer than promised a recovery may take.
    pub slack: u32,
    /// When the cause was gone last.
    pub(super) removed_at: Option<(DateTime<Utc>, Instant)>,
}

/// What was done.
pub enum Injected {
    /// So many times.
    Done(Injection),
    /// It cannot be done here, for this reason.
    Skipped(String),
}

#[derive(Default)]
pub struct Injection {
    pub times: usize,
    /// What the fault itself saw that must not be: a request that was let through, a request that failed where none may.
    pub problems: Vec<String>,
    /// What a reader may want to know.
    pub notes: Vec<String>,
    /// True where sessions end by it, so that customers have to log in again.
    pub ends_sessions: bool,
}

impl Injection {
    /// So many times; none at all is a problem, `what` has been missed.
    pub fn at_least_one(times: usize, what: &str) -> Self {
        let problems = if times == 0 { vec![format!("it was missed: {what}")] } else { Vec::new() };
        Self { times, problems, ..Self::default() }
    }
}

impl Injected {
    pub fn times(times: usize) -> anyhow::Result<Self> {
        Ok(Self::Done(Injection { times, ..Injection::default() }))
    }
}

impl Experiment {
    /// The cause is gone now: recovery counts from here, and not from when a fault has seen the last of it.
    pub fn cause_removed(&mut self) {
        self.removed_at = Some((clock::now(), Instant::now()));
    }

    /// `full`, or `brief` where a look is enough.
    pub fn scale<T>(&self, full: T, brief: T) -> T {
        if self.brief { brief } else { full }
    }
}
