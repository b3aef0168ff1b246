//! PostgreSQL is killed, hung, or out of connections.

use std::time::Duration;

use tokio::time::sleep;

use super::{connection_flood::ConnectionFlood, inject};
use crate::{
    cluster::Link,
    experiment::{Experiment, Fault, Injected, Injection},
};
use operations::registry::with_database;

pub const FAULTS: [Fault; 3] = [
    Fault { number: 4, name: "postgres-kill", what: "kill -9 of PostgreSQL, three times", inject: inject!(kill) },
    Fault {
        number: 4,
        name: "postgres-hang",
        what: "PostgreSQL accepts and answers nothing for 15 s",
        inject: inject!(hang),
    },
    Fault {
        number: 4,
        name: "postgres-crowded",
        what: "PostgreSQL drops every connection and has no free slot for 10 s",
        inject: inject!(flood),
    },
];

/// After this time, every answer to a request from before the fault has arrived.
const IN_FLIGHT_TIME: Duration = Duration::from_secs(1);

async fn kill(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let mut done = Injection::default();
    for _ in 0..experiment.scale(3, 1) {
        experiment.cluster.servers.kill_postgres().await?;
        without(experiment, Duration::from_secs(2), &mut done).await;
        experiment.cluster.servers.start_postgres().await?;
        experiment.cause_removed();
        sleep(Duration::from_secs(2)).await;
    }
    Ok(Injected::Done(done))
}

async fn hang(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let (links, mut done) = (experiment.cluster.links.clone(), Injection::default());
    for service in with_database() {
        links.get(Link::Database(service))?.hang();
    }
    without(experiment, Duration::from_secs(experiment.scale(15, 5)), &mut done).await;
    for service in with_database() {
        links.get(Link::Database(service))?.restore();
    }
    experiment.cause_removed();
    Ok(Injected::Done(done))
}

async fn flood(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let mut done = Injection::default();
    let flood = ConnectionFlood::fill(&experiment.cluster.servers.postgres_url).await?;
    done.notes.push(format!("{} connections were lost", flood.terminated));
    without(experiment, Duration::from_secs(experiment.scale(10, 5)), &mut done).await;
    flood.release().await;
    experiment.cause_removed();
    Ok(Injected::Done(done))
}

/// Waits while PostgreSQL is unavailable. If a customer's request succeeds meanwhile, the fault had no effect.
async fn without(experiment: &Experiment, lasting: Duration, done: &mut Injection) {
    sleep(IN_FLIGHT_TIME.min(lasting)).await;
    let before = experiment.load.counters();
    sleep(lasting.saturating_sub(IN_FLIGHT_TIME)).await;
    let succeeded = experiment.load.counters().since(&before).succeeded;
    if succeeded > 0 {
        done.problems.push(format!("the fault had no effect: {succeeded} requests succeeded without PostgreSQL"));
    }
    done.times += 1;
}
