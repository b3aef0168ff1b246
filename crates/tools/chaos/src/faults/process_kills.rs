//! `kill -9` of each service in turn. `crates/shipyard/tests/chaos` runs this fault and a few others, briefly.

use std::time::Duration;

use rand::RngExt as _;
use tokio::time::sleep;

use super::inject;
use crate::experiment::{Experiment, Fault, Injected};
use operations::registry::SERVICES;

pub const FAULTS: [Fault; 1] =
    [Fault::new(1, "kill", "kill -9 of a process of each service in turn, at random moments", inject!(kill))
        .times(20, 2)
        .restarting()];

async fn kill(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    for _ in 0..experiment.times {
        for service in SERVICES {
            sleep(Duration::from_millis(experiment.random.random_range(100..1_500))).await;
            let number = experiment.random.random_range(0..experiment.cluster.replicas.count());
            let replica = experiment.cluster.replicas.get(service, number)?;
            replica.kill().await;
            replica.start(&[])?;
            experiment.cause_removed();
        }
    }
    Injected::times(experiment.times * SERVICES.len())
}
