//! PostgreSQL killed, hung and out of connections.

use std::time::Duration;

use tokio::time::sleep;

use super::{crowd::Crowd, inject};
use crate::{
    fault::{Done, Fault, Injected, Stage},
    world::Link,
};
use operations::services::SERVICES;

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
        what: "PostgreSQL loses every connection and has none left for 10 s",
        inject: inject!(crowd),
    },
];

/// By then every answer has arrived that was given before.
const IN_FLIGHT: Duration = Duration::from_secs(1);

async fn kill(stage: &mut Stage) -> anyhow::Result<Injected> {
    let mut done = Done::default();
    for _ in 0..stage.scale(3, 1) {
        stage.world.servers.kill_postgres().await?;
        without(stage, Duration::from_secs(2), &mut done).await;
        stage.world.servers.start_postgres().await?;
        stage.gone();
        sleep(Duration::from_secs(2)).await;
    }
    Ok(Injected::Times(done))
}

async fn hang(stage: &mut Stage) -> anyhow::Result<Injected> {
    let (links, mut done) = (stage.world.links.clone(), Done::default());
    for service in SERVICES {
        links.get(Link::Database(service))?.hang();
    }
    without(stage, Duration::from_secs(stage.scale(15, 5)), &mut done).await;
    for service in SERVICES {
        links.get(Link::Database(service))?.restore();
    }
    stage.gone();
    Ok(Injected::Times(done))
}

async fn crowd(stage: &mut Stage) -> anyhow::Result<Injected> {
    let mut done = Done::default();
    let crowd = Crowd::gather(&stage.world.servers.postgres_url).await?;
    done.notes.push(format!("{} connections were lost", crowd.thrown_out));
    without(stage, Duration::from_secs(stage.scale(10, 5)), &mut done).await;
    crowd.leave().await;
    stage.gone();
    Ok(Injected::Times(done))
}

/// Waits without PostgreSQL. Nothing that customers ask can succeed then; what does shows that the fault has missed.
async fn without(stage: &Stage, lasting: Duration, done: &mut Done) {
    sleep(IN_FLIGHT.min(lasting)).await;
    let before = stage.load.tally();
    sleep(lasting.saturating_sub(IN_FLIGHT)).await;
    let succeeded = stage.load.tally().since(&before).succeeded;
    if succeeded > 0 {
        done.problems.push(format!("it was missed: {succeeded} requests succeeded without PostgreSQL"));
    }
    done.times += 1;
}
