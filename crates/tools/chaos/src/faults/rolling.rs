//! Every process replaced, one after another, and no request fails.

use tokio::time::sleep;

use super::{IN_HAND, inject};
use crate::fault::{Done, Fault, Injected, Stage};
use operations::services::SERVICES;

pub const FAULTS: [Fault; 1] = [Fault {
    number: 12,
    name: "rolling",
    what: "every process of every service is replaced, one after another: no request may fail, over HTTP/1.1 or HTTP/2",
    inject: inject!(roll),
}];

async fn roll(stage: &mut Stage) -> anyhow::Result<Injected> {
    let services = if stage.brief { &[&iam::SERVICE, &order::SERVICE][..] } else { &SERVICES };
    let before = stage.load.tally();
    for service in services {
        stage.world.fleet.replace(service, &[]).await?;
    }
    stage.gone();
    sleep(IN_HAND).await;
    let tally = stage.load.tally().since(&before);
    let failed = tally.unsatisfied();
    let problems =
        if failed > 0 { vec![format!("{failed} of {} requests failed", tally.requests)] } else { Vec::new() };
    let times = services.len() * stage.world.fleet.count();
    Ok(Injected::Times(Done { times, problems, ..Done::default() }))
}
