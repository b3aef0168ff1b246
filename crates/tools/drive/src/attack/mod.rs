//! Attacks that any stranger could make on a running shop. Meanwhile, other customers' requests arrive at a constant
//! rate, and their latency is measured. Attacks whose effect a single service shows are in that service's tests.

pub mod attacker;
pub mod attacks;
mod customers;
mod entrances;
mod report;
mod wire;

use std::{sync::Arc, time::Duration};

use client::addresses::ShopAddresses;
use futures::future::join;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    runtime::{Builder, Runtime},
    time::{Instant, sleep_until},
};
use tokio_util::task::AbortOnDropHandle;

use self::{attacker::Attacker, attacks::Attack, customers::Customers};
pub use self::{
    entrances::{Entrance, Entrances},
    report::{HEAD, Phase, Report, Row},
};

/// The sockets of a stopped attack must close within this time.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);
const POLL_INTERVAL: Duration = Duration::from_millis(20);

pub struct Options {
    pub addresses: ShopAddresses,
    pub attacks: Vec<Attack>,
    pub phases: Phases,
    /// The customers' requests per second.
    pub rate: u32,
    /// The number of customers, each with its own connections.
    pub users: usize,
    /// The factor for the connections, streams and requests of every attack.
    pub scale: f64,
    /// The factor for the bound of every attack; 0 disables these checks.
    pub slack: f64,
}

/// The durations for which customers are measured before, during and after an attack.
#[derive(Clone, Copy, Debug)]
pub struct Phases {
    pub before: Duration,
    pub during: Duration,
    pub after: Duration,
}

/// The attackers' runtime. Its threads are separate, so that attacks do not delay the customers' measurement.
struct Threads(Option<Runtime>);

/// Runs the attacks one after another. Calls `each` with every measured row.
pub async fn run(options: &Options, mut each: impl FnMut(&Row)) -> anyhow::Result<Report> {
    let descriptors = Descriptors::raise();
    let customers = Customers::register(&options.addresses, options.users).await?;
    let threads = Threads::start()?;
    let mut report = Report { rows: Vec::new() };
    for attack in &options.attacks {
        customers.settle().await;
        let (entrances, account) = (Entrances::from_addresses(&options.addresses).await?, customers.attacker.clone());
        let attacker = Arc::new(Attacker::new(entrances, account, customers.logins(), options.scale));
        let (measured, left) =
            join(customers.arrivals(options.phases, options.rate), threads.attack(attack, &attacker, options.phases))
                .await;
        let mut row = Row::new(attack, attacker.counts(), measured);
        row.notes.extend(descriptors.note(attack.descriptors(options.scale)));
        row.judge(attack.bound * options.slack, left);
        each(&row);
        report.rows.push(row);
    }
    Ok(report)
}

impl Phases {
    pub fn total(self) -> Duration {
        self.before + self.during + self.after
    }

    /// Returns the index of the phase at this time since the first request.
    fn at(self, due: Duration) -> usize {
        usize::from(due >= self.before) + usize::from(due >= self.before + self.during)
    }
}

impl Threads {
    fn start() -> anyhow::Result<Self> {
        Ok(Self(Some(Builder::new_multi_thread().worker_threads(1).thread_name("attacker").enable_all().build()?)))
    }

    /// Runs `attack` in its phase. Returns how many sockets were still open after it was stopped.
    async fn attack(&self, attack: &Attack, attacker: &Arc<Attacker>, phases: Phases) -> u64 {
        let begun = Instant::now();
        sleep_until(begun + phases.before).await;
        let Some(runtime) = &self.0 else { return 0 };
        let work = AbortOnDropHandle::new(runtime.spawn((attack.work)(attacker.clone())));
        sleep_until(begun + phases.before + phases.during).await;
        attacker.freeze();
        drop(work);
        let until = Instant::now() + CLOSE_TIMEOUT;
        while attacker.open() > 0 && Instant::now() < until {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        attacker.open()
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // A runtime that waits for its threads must not be dropped within a task.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// The number of files that the customers and the program itself need.
const OWN_FILES: u64 = 256;

/// The limit of open files (`RLIMIT_NOFILE`), raised as far as this process may.
struct Descriptors {
    /// The number of files that this process may open; `None` without a limit.
    limit: Option<u64>,
}

impl Descriptors {
    /// Raises the soft limit to the hard one.
    fn raise() -> Self {
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
        Self { limit: getrlimit(Resource::Nofile).current }
    }

    /// Returns a warning if an attack needs more files than this process may open.
    fn note(&self, needed: u64) -> Option<String> {
        let limit = self.limit.filter(|limit| *limit < needed + OWN_FILES)?;
        Some(format!("this process may open {limit} files, and the attack wants {needed}; raise it with `ulimit -Hn`"))
    }
}
