//! PostgreSQL is killed, hung, or out of connections.

use std::time::Duration;

use tokio::time::sleep;

use super::{disturbance::Disturbance, inject};
use crate::experiment::{Experiment, Fault, Injected, Injection};

const HOLDS: &str = "No request succeeds meanwhile.";

pub const FAULTS: [Fault; 3] = [
    Fault::new(4, "postgres-kill", "kill -9 of PostgreSQL", inject!(without(Disturbance::PostgresKilled)))
        .lasting(2, 2)
        .times(3, 1)
        .holds(HOLDS),
    Fault::new(
        4,
        "postgres-hang",
        "PostgreSQL accepts and answers nothing",
        inject!(without(Disturbance::PostgresHung)),
    )
    .lasting(15, 5)
    .holds(HOLDS),
    Fault::new(
        4,
        "postgres-crowded",
        "PostgreSQL drops every connection and has no free slot",
        inject!(without(Disturbance::PostgresCrowded)),
    )
    .lasting(10, 5)
    .holds(HOLDS),
];

/// After this time, every answer to a request from before the fault has arrived.
const IN_FLIGHT_TIME: Duration = Duration::from_secs(1);
/// The pause after each injection.
const PAUSE: Duration = Duration::from_secs(2);

/// If a customer's request succeeds without PostgreSQL, the fault had no effect.
async fn without(experiment: &mut Experiment, disturbance: Disturbance) -> anyhow::Result<Injected> {
    let mut done = Injection { times: experiment.times, ..Injection::default() };
    for _ in 0..experiment.times {
        disturbance.begin(&mut experiment.cluster).await?;
        sleep(IN_FLIGHT_TIME).await;
        let before = experiment.load.counters();
        sleep(experiment.lasting.saturating_sub(IN_FLIGHT_TIME)).await;
        let succeeded = experiment.load.counters().since(&before).succeeded;
        disturbance.end(&mut experiment.cluster).await?;
        experiment.cause_removed();
        if succeeded > 0 {
            done.problems.push(format!("the fault had no effect: {succeeded} requests succeeded without PostgreSQL"));
        }
        sleep(PAUSE).await;
    }
    Ok(Injected::Done(done))
}
