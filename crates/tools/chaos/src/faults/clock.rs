//! A service with a wrong clock.

use std::time::Duration;

use tokio::time::sleep;

use super::inject;
use crate::experiment::{Experiment, Fault, Injected, Injection};
use operations::services::SERVICES;
use platform::service::Service;

pub const FAULTS: [Fault; 1] = [Fault {
    number: 13,
    name: "clock",
    what: "the clock of one service after another is an hour ahead, then an hour behind, which affects its tokens, logins and dead letters",
    inject: inject!(wrong),
}];

async fn wrong(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let services = if experiment.brief { &[&iam::SERVICE, &order::SERVICE][..] } else { &SERVICES };
    let offsets = ["1h", "-1h"];
    for service in services {
        for offset in offsets {
            // A process that rejects the offset does not become ready.
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

/// Like [`Replicas::replace`](crate::cluster::Replicas::replace); the cause is removed when the last process with a wrong clock has exited.
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
