//! Kafka is stopped, killed or frozen.

use std::time::Duration;

use drive::customers::Counters;
use tokio::time::sleep;

use super::{ANSWERED_AFTER, disturbance::Disturbance, inject};
use crate::experiment::{Experiment, Fault, Injected, Injection};

const HOLDS: &str = "No request fails, and no process takes more than 200 MB.";

pub const FAULTS: [Fault; 4] = [
    Fault::new(3, "broker-stop", "the broker is stopped", inject!(away(Disturbance::BrokerStopped)))
        .lasting(60, 10)
        .holds(HOLDS),
    Fault::new(3, "broker-kill", "the broker is killed and started again", inject!(away(Disturbance::BrokerKilled)))
        .lasting(1, 1)
        .times(3, 1)
        .holds(HOLDS),
    Fault::new(3, "broker-hang", "the broker accepts and answers nothing", inject!(away(Disturbance::BrokerHung)))
        .lasting(30, 10)
        .holds(HOLDS),
    // The controller fences a broker after 9 s without a heartbeat.
    Fault::new(
        3,
        "broker-fenced",
        "the broker is frozen, so that it has lost its place in the cluster and lists no broker at first",
        inject!(away(Disturbance::BrokerHung)),
    )
    .lasting(120, 20)
    .holds(HOLDS)
    .fencing(),
];

/// The maximum resident memory of a process, in bytes. A process above it keeps unpublished records in memory while the
/// broker is unavailable.
const MAX_MEMORY: u64 = 200_000_000;
/// The pause between two injections.
const PAUSE: Duration = Duration::from_secs(2);

async fn away(experiment: &mut Experiment, how: Disturbance) -> anyhow::Result<Injected> {
    if let Err(reason) = experiment.cluster.servers.broker.real() {
        return Ok(Injected::Skipped(reason));
    }
    let before = experiment.load.counters();
    for number in 0..experiment.times {
        if number > 0 {
            sleep(PAUSE).await;
        }
        how.begin(&mut experiment.cluster).await?;
        sleep(experiment.lasting).await;
        how.end(&mut experiment.cluster).await?;
        experiment.cause_removed();
    }
    let problems = answered(experiment, &before).await;
    Ok(Injected::Done(Injection { times: experiment.times, problems, ..Injection::default() }))
}

/// Returns a problem if a request failed without Kafka, including those in flight at the end, or if a process's memory
/// exceeds `MAX_MEMORY`.
async fn answered(experiment: &Experiment, before: &Counters) -> Vec<String> {
    sleep(ANSWERED_AFTER).await;
    let counters = experiment.load.counters().since(before);
    let failed = counters.unsatisfied();
    let mut problems = Vec::new();
    if failed > 0 {
        problems.push(format!("{failed} of {} requests failed, and no request needs Kafka", counters.requests));
    }
    let most = experiment.cluster.replicas.most_memory();
    if most > MAX_MEMORY {
        problems.push(format!("a process has {} MB, more than {}", most / 1_000_000, MAX_MEMORY / 1_000_000));
    }
    problems
}
