//! Chaos testing: runs the whole system as separate processes under a steady load, injects one fault after another, and
//! audits the system after each.

mod audit_step;
pub mod cluster;
pub mod experiment;
pub mod faults;
pub mod playground;
mod poison;
mod recording;
mod recovery;
mod report;
mod topics;
mod wait;

use std::{collections::HashSet, path::PathBuf, time::Duration};

use anyhow::Context as _;
use drive::customers::Load;
use platform::clock;
use rand::{SeedableRng as _, rngs::SmallRng};
use tokio::time::Instant;

pub use self::report::{HEAD, Report, Row};
use self::{
    cluster::Cluster,
    experiment::{Experiment, Fault, Injected, Injection},
    recovery::{Bounds, FaultWindow},
};

pub struct Options {
    /// Seeds every random choice.
    pub seed: u64,
    pub faults: Vec<Fault>,
    pub brief: bool,
    /// The directory for data and logs; emptied first.
    pub directory: PathBuf,
    /// The factor for allowed recovery times, for a busy machine.
    pub slack: u32,
}

/// The number of processes of each service.
const REPLICAS: usize = 2;
/// The number of simulated customers.
pub const CUSTOMERS: usize = 24;
/// The mean pause of a customer between two steps: 24 customers send about 25 requests a second.
const CUSTOMER_PAUSE: Duration = Duration::from_millis(900);
/// The load runs for this long before each fault.
const WARM_UP: Duration = Duration::from_secs(2);
/// Requests in flight must end within this time after the load was paused.
const DRAIN_TIMEOUT: Duration = Duration::from_mins(1);

/// Runs the faults one after another. Calls `each` with every completed row.
pub async fn run(options: &Options, each: impl Fn(&Row)) -> anyhow::Result<Report> {
    let cluster = Cluster::start(&options.directory, &cluster::Options::default()).await?;
    tracing::info!("customers register");
    let customers = drive::customers::Options { customers: CUSTOMERS, pause: CUSTOMER_PAUSE, seed: options.seed };
    let load = Load::start(cluster.shop()?, &cluster.lending()?, cluster.bank()?, &customers).await?;
    let mut experiment = Experiment::new(cluster, load, options.seed, options.brief, options.slack);
    let mut report = Report::new(options, experiment.cluster.servers.broker.real().is_ok());
    let mut known = HashSet::new();
    for fault in &options.faults {
        experiment.random = SmallRng::seed_from_u64(options.seed ^ u64::from(fault.number) ^ hash(fault.name));
        let row = row(&mut experiment, fault, &report.bounds, &mut known).await;
        each(&row);
        report.rows.push(row);
    }
    tracing::info!("stopping");
    experiment.cluster.stop().await;
    Ok(report)
}

async fn row(experiment: &mut Experiment, fault: &Fault, bounds: &Bounds, known: &mut HashSet<String>) -> Row {
    let (begun, at, slack) = (clock::now(), Instant::now(), experiment.slack);
    let before = experiment.load.counters();
    experiment.cluster.replicas.peak_memory();
    experiment.begin(fault);
    experiment.load.resume();
    tokio::time::sleep(WARM_UP).await;
    tracing::info!("{}: {fault}", fault.name);
    let injected = inject(experiment, fault).await;
    let removed = experiment.cause.borrow().removed;
    let (ended, removed_at) = removed.unwrap_or_else(|| (clock::now(), Instant::now()));
    let mut row = Row::new(fault);
    let done = match injected {
        Ok(Injected::Done(done)) => done,
        Ok(Injected::Skipped(reason)) => {
            row.not_injected = Some(reason);
            return row;
        }
        Err(error) => {
            row.injection_failed = Some(format!("{error:#}"));
            Injection::default()
        }
    };
    let ends_sessions = done.ends_sessions;
    row.injected(done);
    tracing::info!("{}: waiting for recovery", fault.name);
    row.violations.extend(experiment.cluster.heal().await.err().map(|error| format!("repair failed: {error:#}")));
    let window = FaultWindow { begun, ended, at: removed_at };
    let recovery = recovery::watch(&experiment.cluster, &experiment.load, window, slack).await;
    row.violations.extend(recovery.excesses(&bounds.after(fault.after)));
    row.recovery = Some(recovery);
    tracing::info!("{}: draining requests in flight", fault.name);
    row.violations.extend(experiment.load.pause(DRAIN_TIMEOUT * slack).await.err().map(|error| format!("{error:#}")));
    tracing::info!("{}: audit", fault.name);
    row.violations.extend(experiment.cluster.replicas.unexpected_exits());
    row.violations.extend(audit_step::run(&experiment.cluster, &experiment.load, slack, known).await);
    let recorded = experiment.recordings.check(&experiment.cluster.sources.databases).await;
    let unread = |error: anyhow::Error| vec![format!("the recordings could not be checked: {error:#}")];
    row.violations.extend(recorded.unwrap_or_else(unread));
    let counters = experiment.load.counters().since(&before);
    if counters.sessions_lost > 0 && !ends_sessions {
        row.violations.push(format!("{} sessions were lost", counters.sessions_lost));
    }
    (row.requests, row.failed) = (counters.requests, counters.failed);
    (row.peak_memory, row.took) = (experiment.cluster.replicas.peak_memory(), at.elapsed().as_secs_f64());
    row
}

/// Injects a fault, and once more if that failed half-way or found nothing to act on.
async fn inject(experiment: &mut Experiment, fault: &Fault) -> anyhow::Result<Injected> {
    let why = match (fault.inject)(experiment).await {
        Ok(Injected::Done(done)) if done.times == 0 && done.problems.is_empty() => done.idle.join("; "),
        Err(error) => format!("{error:#}"),
        injected => return injected,
    };
    tracing::info!("{}: once more, after: {why}", fault.name);
    experiment.cluster.heal().await.context("repairing")?;
    tokio::time::sleep(WARM_UP).await;
    (fault.inject)(experiment).await.with_context(|| format!("again, after: {why}"))
}

/// Hashes with FNV-1a, which is stable across machines and versions: a seed stays reproducible.
fn hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
