//! A service runs with a wrong clock.

use std::time::Duration;

use tokio::time::sleep;

use super::inject;
use crate::experiment::{Experiment, Fault, Injected, Injection};
use operations::registry::SERVICES;
use platform::server::service::Service;

pub const FAULTS: [Fault; 2] = [
    Fault {
        number: 13,
        name: "clock",
        what: "the clock of one service after another is an hour ahead, then an hour behind, which affects its tokens, logins and dead letters",
        inject: inject!(wrong),
    },
    Fault {
        number: 13,
        name: "clock-delivery",
        what: "the clock of one of delivery's processes is an hour ahead, then behind, and it moves the couriers alone for a while",
        inject: inject!(of_delivery),
    },
];

/// The clock's offsets: the largest that services tolerate in each other's tokens.
const OFFSETS: [&str; 2] = ["1h", "-1h"];

async fn of_delivery(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let service = &delivery::SERVICE;
    for offset in OFFSETS {
        let replica = experiment.cluster.replicas.get(service, 0)?;
        replica.terminate().await;
        replica.start(&[("CLOCK_OFFSET", offset)])?;
        experiment.cluster.replicas.ready(service, 0).await?;
        // Terminating the other process passes the lease to the process with the wrong clock.
        experiment.cluster.replicas.get(service, 1)?.terminate().await;
        sleep(Duration::from_secs(experiment.scale(12, 6))).await;
        experiment.cluster.replicas.get(service, 1)?.start(&[])?;
        experiment.cluster.replicas.ready(service, 1).await?;
    }
    let replica = experiment.cluster.replicas.get(service, 0)?;
    replica.terminate().await;
    replica.start(&[])?;
    experiment.cause_removed();
    experiment.cluster.replicas.ready(service, 0).await?;
    Injected::times(OFFSETS.len())
}

async fn wrong(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let services = if experiment.brief { &[&iam::SERVICE, &order::SERVICE][..] } else { &SERVICES };
    let offsets = ["1h", "-1h"];
    for service in services {
        for offset in offsets {
            // A process that rejected the offset would not become ready.
            experiment.cluster.replicas.replace(service, &[("CLOCK_OFFSET", offset)]).await?;
            sleep(Duration::from_secs(4)).await;
        }
        right(experiment, service).await?;
    }
    let notes = vec![
        "wrong is the clock of the process: of the tokens that it signs and checks, of iam's logins and users, of dead letters; \
         deadlines, leases and due times are PostgreSQL's, whose clock is right"
            .to_owned(),
    ];
    Ok(Injected::Done(Injection { times: services.len() * offsets.len(), notes, ..Injection::default() }))
}

/// Restarts the processes without an offset, like [`Replicas::replace`](crate::cluster::Replicas::replace). The cause
/// counts as removed when the last process with a wrong clock has exited.
async fn right(experiment: &mut Experiment, service: &'static Service) -> anyhow::Result<()> {
    for number in 0..experiment.cluster.replicas.count() {
        let replica = experiment.cluster.replicas.get(service, number)?;
        replica.terminate().await;
        replica.start(&[])?;
        experiment.cause_removed();
        experiment.cluster.replicas.ready(service, number).await?;
    }
    Ok(())
}
