//! A service runs with a wrong clock.

use tokio::time::sleep;

use super::inject;
use crate::experiment::{Experiment, Fault, Injected, Injection};
use operations::registry::SERVICES;
use platform::server::service::Service;

pub const FAULTS: [Fault; 2] = [
    Fault::new(
        13,
        "clock",
        "the clock of one service after another is an hour ahead, then an hour behind, which affects its tokens, logins and dead letters",
        inject!(wrong),
    )
    .lasting(4, 4),
    Fault::new(
        13,
        "clock-delivery",
        "the clock of one of delivery's processes is an hour ahead, then behind, and it moves the couriers alone for a while",
        inject!(of_delivery),
    )
    .lasting(12, 6),
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
        sleep(experiment.lasting).await;
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
    for service in services {
        for offset in OFFSETS {
            // A process that rejected the offset would not become ready.
            experiment.cluster.replicas.replace(service, &[("CLOCK_OFFSET", offset)]).await?;
            sleep(experiment.lasting).await;
        }
        right(experiment, service).await?;
    }
    let notes = vec![
        "wrong is the clock of the process: of the tokens that it signs and checks, of iam's logins and users, of dead letters; \
         deadlines, leases and due times are PostgreSQL's, whose clock is right"
            .to_owned(),
    ];
    Ok(Injected::Done(Injection { times: services.len() * OFFSETS.len(), notes, ..Injection::default() }))
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
