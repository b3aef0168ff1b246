//! Kafka stopped, killed and hung.

use std::time::Duration;

use tokio::time::sleep;

use super::{IN_HAND, inject};
use crate::{
    fault::{Done, Fault, Injected, Stage},
    load::Tally,
};

pub const FAULTS: [Fault; 3] = [
    Fault { number: 3, name: "broker-stop", what: "the broker is stopped for 60 s", inject: inject!(stop) },
    Fault { number: 3, name: "broker-kill", what: "the broker is killed and started again", inject: inject!(kill) },
    Fault {
        number: 3,
        name: "broker-hang",
        what: "the broker accepts and answers nothing for 30 s",
        inject: inject!(hang),
    },
];

/// More than this and a process that cannot publish hoards.
const MEMORY: u64 = 200_000_000;

async fn stop(stage: &mut Stage) -> anyhow::Result<Injected> {
    let away = Duration::from_secs(stage.scale(60, 10));
    let before = stage.load.tally();
    let broker = match stage.world.servers.broker.real() {
        Ok(broker) => broker,
        Err(reason) => return Ok(Injected::Not(reason)),
    };
    broker.stop().await?;
    sleep(away).await;
    broker.restart().await?;
    stage.gone();
    Ok(Injected::Times(Done { times: 1, problems: answered(stage, &before).await, ..Done::default() }))
}

async fn kill(stage: &mut Stage) -> anyhow::Result<Injected> {
    let times = stage.scale(3, 1);
    let before = stage.load.tally();
    for _ in 0..times {
        let broker = match stage.world.servers.broker.real() {
            Ok(broker) => broker,
            Err(reason) => return Ok(Injected::Not(reason)),
        };
        broker.kill().await?;
        sleep(Duration::from_secs(1)).await;
        broker.restart().await?;
        stage.gone();
        sleep(Duration::from_secs(2)).await;
    }
    Ok(Injected::Times(Done { times, problems: answered(stage, &before).await, ..Done::default() }))
}

async fn hang(stage: &mut Stage) -> anyhow::Result<Injected> {
    let away = Duration::from_secs(stage.scale(30, 10));
    let before = stage.load.tally();
    let broker = match stage.world.servers.broker.real() {
        Ok(broker) => broker,
        Err(reason) => return Ok(Injected::Not(reason)),
    };
    broker.pause().await?;
    sleep(away).await;
    broker.unpause().await?;
    stage.gone();
    Ok(Injected::Times(Done { times: 1, problems: answered(stage, &before).await, ..Done::default() }))
}

/// Without Kafka every request is answered as ever, those in hand at the end too, and nobody's memory grows without bound.
async fn answered(stage: &Stage, before: &Tally) -> Vec<String> {
    sleep(IN_HAND).await;
    let tally = stage.load.tally().since(before);
    let failed = tally.unsatisfied();
    let mut problems = Vec::new();
    if failed > 0 {
        problems.push(format!("{failed} of {} requests failed, and no request needs Kafka", tally.requests));
    }
    let most = stage.world.fleet.most_memory();
    if most > MEMORY {
        problems.push(format!("a process has {} MB, more than {}", most / 1_000_000, MEMORY / 1_000_000));
    }
    problems
}
