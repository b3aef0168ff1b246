//! A rolling restart of every process, during which no request may fail.

use tokio::time::sleep;

use super::{ANSWERED_AFTER, inject};
use crate::experiment::{Experiment, Fault, Injected, Injection};
use operations::registry::SERVICES;

pub const FAULTS: [Fault; 1] =
    [Fault::new(12, "rolling", "every process of every service is replaced, one after another", inject!(roll))
        .holds("No request fails, over HTTP/1.1 or HTTP/2.")
        .restarting()];

async fn roll(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let services = if experiment.brief { &[&iam::SERVICE, &order::SERVICE][..] } else { &SERVICES };
    let before = experiment.load.counters();
    for service in services {
        experiment.cluster.replicas.replace(service, &[]).await?;
    }
    experiment.cause_removed();
    sleep(ANSWERED_AFTER).await;
    let counters = experiment.load.counters().since(&before);
    let failed = counters.unsatisfied();
    let problems =
        if failed > 0 { vec![format!("{failed} of {} requests failed", counters.requests)] } else { Vec::new() };
    let times = services.len() * experiment.cluster.replicas.count();
    Ok(Injected::Done(Injection { times, problems, ..Injection::default() }))
}
