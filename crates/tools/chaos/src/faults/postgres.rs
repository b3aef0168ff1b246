//! PostgreSQL is killed, hung, or out of connections.

use std::time::Duration;

use tokio::time::sleep;

use super::{connection_flood::ConnectionFlood, inject};
use crate::{
    cluster::Link,
    experiment::{Experiment, Fault, Injected, Injection},
};
use operations::registry::with_database;

const HOLDS: &str = "No request succeeds meanwhile.";

pub const FAULTS: [Fault; 3] = [
    Fault::new(4, "postgres-kill", "kill -9 of PostgreSQL", inject!(kill)).lasting(2, 2).times(3, 1).holds(HOLDS),
    Fault::new(4, "postgres-hang", "PostgreSQL accepts and answers nothing", inject!(hang)).lasting(15, 5).holds(HOLDS),
    Fault::new(4, "postgres-crowded", "PostgreSQL drops every connection and has no free slot", inject!(flood))
        .lasting(10, 5)
        .holds(HOLDS),
];

/// After this time, every answer to a request from before the fault has arrived.
const IN_FLIGHT_TIME: Duration = Duration::from_secs(1);

async fn kill(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let mut done = Injection::default();
    for _ in 0..experiment.times {
        experiment.cluster.servers.kill_postgres().await?;
        without(experiment, &mut done).await;
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
    without(experiment, &mut done).await;
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
    without(experiment, &mut done).await;
    flood.release().await;
    experiment.cause_removed();
    Ok(Injected::Done(done))
}

/// Waits while PostgreSQL is unavailable. If a customer's request succeeds meanwhile, the fault had no effect.
async fn without(experiment: &Experiment, done: &mut Injection) {
    sleep(IN_FLIGHT_TIME).await;
    let before = experiment.load.counters();
    sleep(experiment.lasting.saturating_sub(IN_FLIGHT_TIME)).await;
    let succeeded = experiment.load.counters().since(&before).succeeded;
    if succeeded > 0 {
        done.problems.push(format!("the fault had no effect: {succeeded} requests succeeded without PostgreSQL"));
    }
    done.times += 1;
}
