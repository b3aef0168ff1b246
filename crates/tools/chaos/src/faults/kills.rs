//! `kill -9` of each service in turn.

use std::time::Duration;

use rand::RngExt as _;
use tokio::time::sleep;

use super::inject;
use crate::fault::{Fault, Injected, Stage};
use operations::services::SERVICES;

pub const FAULTS: [Fault; 1] = [Fault {
    number: 1,
    name: "kill",
    what: "kill -9 of a process of each service in turn, at random moments, twenty rounds",
    inject: inject!(kill),
}];

async fn kill(stage: &mut Stage) -> anyhow::Result<Injected> {
    let rounds = stage.scale(20, 2);
    for _ in 0..rounds {
        for service in SERVICES {
            sleep(Duration::from_millis(stage.random.random_range(100..1_500))).await;
            let number = stage.random.random_range(0..stage.world.fleet.count());
            let replica = stage.world.fleet.get(service, number)?;
            replica.kill().await;
            replica.start(&[])?;
            stage.gone();
        }
    }
    Injected::times(rounds * SERVICES.len())
}
