//! Kafka or PostgreSQL is unavailable: stopped, killed, frozen, or out of connections or disk space.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{IN_FLIGHT_TIME, answered_since, disturbance::Disturbance, inject};
use crate::{
    cluster::Link,
    experiment::{Experiment, Fault, Injected, Injection},
};

const WITHOUT_KAFKA: &str = "No request fails, and no process takes more than 200 MB.";
const WITHOUT_POSTGRES: &str = "No request succeeds meanwhile.";

pub const FAULTS: [Fault; 9] = [
    Fault::new(
        3,
        "broker-cut",
        "every connection to the broker is closed, and new ones are refused",
        inject!(without_kafka(Disturbance::Cut(Link::Kafka))),
    )
    .lasting(5, 5)
    .holds(WITHOUT_KAFKA),
    Fault::new(3, "broker-stop", "the broker is stopped", inject!(without_kafka(Disturbance::BrokerStopped)))
        .lasting(60, 10)
        .holds(WITHOUT_KAFKA),
    Fault::new(
        3,
        "broker-kill",
        "the broker is killed and started again",
        inject!(without_kafka(Disturbance::BrokerKilled)),
    )
    .lasting(1, 1)
    .times(3, 1)
    .holds(WITHOUT_KAFKA),
    Fault::new(
        3,
        "broker-hang",
        "the broker accepts and answers nothing",
        inject!(without_kafka(Disturbance::BrokerHung)),
    )
    .lasting(30, 10)
    .holds(WITHOUT_KAFKA),
    // The controller fences a broker after 9 s without a heartbeat.
    Fault::new(
        3,
        "broker-fenced",
        "the broker is frozen, so that it has lost its place in the cluster and lists no broker at first",
        inject!(without_kafka(Disturbance::BrokerHung)),
    )
    .lasting(120, 20)
    .holds(WITHOUT_KAFKA)
    .fencing(),
    Fault::new(4, "postgres-kill", "kill -9 of PostgreSQL", inject!(without_postgres(Disturbance::PostgresKilled)))
        .lasting(2, 2)
        .times(3, 1)
        .holds(WITHOUT_POSTGRES),
    Fault::new(
        4,
        "postgres-hang",
        "PostgreSQL accepts and answers nothing",
        inject!(without_postgres(Disturbance::PostgresHung)),
    )
    .lasting(15, 5)
    .holds(WITHOUT_POSTGRES),
    Fault::new(
        4,
        "postgres-crowded",
        "PostgreSQL drops every connection and has no free slot",
        inject!(without_postgres(Disturbance::PostgresCrowded)),
    )
    .lasting(10, 5)
    .holds(WITHOUT_POSTGRES),
    Fault::new(14, "disk-full", "the disk under PostgreSQL is full", inject!(without_disk)).lasting(15, 6),
];

/// The maximum resident memory of a process, in bytes. A process above it keeps unpublished records in memory while the
/// broker is unavailable.
const MAX_MEMORY: u64 = 200_000_000;
/// The pause after each injection.
const PAUSE: Duration = Duration::from_secs(2);
/// The interval at which the space that becomes free on a full disk is filled.
const FILL_INTERVAL: Duration = Duration::from_millis(500);

/// No request may fail without Kafka, including those in flight at the end.
async fn without_kafka(experiment: &mut Experiment, how: Disturbance) -> anyhow::Result<Injected> {
    if let Err(reason) = experiment.cluster.servers.broker.real()
        && how != Disturbance::Cut(Link::Kafka)
    {
        return Ok(Injected::Skipped(reason));
    }
    let before = experiment.load.counters();
    repeat(experiment, how).await?;
    let counters = answered_since(experiment, &before).await;
    let failed = counters.unsatisfied();
    let mut done = Injection { times: experiment.times, ..Injection::default() };
    if failed > 0 {
        done.problems.push(format!("{failed} of {} requests failed, and no request needs Kafka", counters.requests));
    }
    let most = experiment.cluster.replicas.most_memory();
    if most > MAX_MEMORY {
        done.problems.push(format!("a process has {} MB, more than {}", most / 1_000_000, MAX_MEMORY / 1_000_000));
    }
    Ok(Injected::Done(done))
}

/// If a customer's request succeeds without PostgreSQL, the fault had no effect.
async fn without_postgres(experiment: &mut Experiment, how: Disturbance) -> anyhow::Result<Injected> {
    let succeeded = repeat(experiment, how).await?;
    let mut done = Injection { times: experiment.times, ..Injection::default() };
    if succeeded > 0 {
        done.problems.push(format!("the fault had no effect: {succeeded} requests succeeded without PostgreSQL"));
    }
    Ok(Injected::Done(done))
}

/// Repeats the disturbance. Returns how many requests succeeded while it lasted.
async fn repeat(experiment: &mut Experiment, how: Disturbance) -> anyhow::Result<u64> {
    let mut succeeded = 0;
    for _ in 0..experiment.times {
        how.begin(&mut experiment.cluster).await?;
        experiment.cause_begins();
        sleep(IN_FLIGHT_TIME).await;
        let before = experiment.load.counters();
        sleep(experiment.lasting.saturating_sub(IN_FLIGHT_TIME)).await;
        succeeded += experiment.load.counters().since(&before).succeeded;
        how.end(&mut experiment.cluster).await?;
        experiment.cause_removed();
        sleep(PAUSE).await;
    }
    Ok(succeeded)
}

async fn without_disk(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    if let Err(reason) = &experiment.cluster.servers.disk {
        return Ok(Injected::Skipped(reason.clone()));
    }
    let before = experiment.load.counters();
    let until = Instant::now() + experiment.lasting;
    experiment.cause_begins();
    while Instant::now() < until {
        Disturbance::DiskFull.begin(&mut experiment.cluster).await?;
        sleep(FILL_INTERVAL).await;
    }
    Disturbance::DiskFull.end(&mut experiment.cluster).await?;
    experiment.cause_removed();
    if !experiment.load.has_customers() {
        return Ok(Injected::Done(Injection::once()));
    }
    let failed = answered_since(experiment, &before).await.unsatisfied();
    let mut done = Injection::at_least_one(usize::from(failed > 0), "no request failed");
    done.notes.push(format!("{failed} requests failed"));
    Ok(Injected::Done(done))
}
