//! Kafka is stopped, killed or frozen.

use std::time::Duration;

use tokio::time::sleep;

use super::{ANSWERED_AFTER, inject};
use crate::{
    experiment::{Experiment, Fault, Injected, Injection},
    load::Counters,
};

pub const FAULTS: [Fault; 4] = [
    Fault { number: 3, name: "broker-stop", what: "the broker is stopped for 60 s", inject: inject!(stop) },
    Fault { number: 3, name: "broker-kill", what: "the broker is killed and started again", inject: inject!(kill) },
    Fault {
        number: 3,
        name: "broker-hang",
        what: "the broker accepts and answers nothing for 30 s",
        inject: inject!(hang),
    },
    Fault {
        number: 3,
        name: "broker-fenced",
        what: "the broker is frozen for two minutes, so that it has lost its place in the cluster and lists no broker at first",
        inject: inject!(fence),
    },
];

/// The maximum resident memory of a process, in bytes. A process above it keeps unpublished records in memory while the
/// broker is unavailable.
const MAX_MEMORY: u64 = 200_000_000;

async fn stop(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let away = Duration::from_secs(experiment.scale(60, 10));
    let before = experiment.load.counters();
    let broker = match experiment.cluster.servers.broker.real() {
        Ok(broker) => broker,
        Err(reason) => return Ok(Injected::Skipped(reason)),
    };
    broker.stop().await?;
    sleep(away).await;
    broker.restart().await?;
    experiment.cause_removed();
    Ok(Injected::Done(Injection { times: 1, problems: answered(experiment, &before).await, ..Injection::default() }))
}

async fn kill(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let times = experiment.scale(3, 1);
    let before = experiment.load.counters();
    for _ in 0..times {
        let broker = match experiment.cluster.servers.broker.real() {
            Ok(broker) => broker,
            Err(reason) => return Ok(Injected::Skipped(reason)),
        };
        broker.kill().await?;
        sleep(Duration::from_secs(1)).await;
        broker.restart().await?;
        experiment.cause_removed();
        sleep(Duration::from_secs(2)).await;
    }
    Ok(Injected::Done(Injection { times, problems: answered(experiment, &before).await, ..Injection::default() }))
}

async fn hang(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let away = Duration::from_secs(experiment.scale(30, 10));
    freeze(experiment, away).await
}

async fn fence(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    // The controller fences a broker after 9 s without a heartbeat.
    let away = Duration::from_secs(experiment.scale(120, 20));
    freeze(experiment, away).await
}

async fn freeze(experiment: &mut Experiment, away: Duration) -> anyhow::Result<Injected> {
    let before = experiment.load.counters();
    let broker = match experiment.cluster.servers.broker.real() {
        Ok(broker) => broker,
        Err(reason) => return Ok(Injected::Skipped(reason)),
    };
    broker.pause().await?;
    sleep(away).await;
    broker.unpause().await?;
    experiment.cause_removed();
    Ok(Injected::Done(Injection { times: 1, problems: answered(experiment, &before).await, ..Injection::default() }))
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
