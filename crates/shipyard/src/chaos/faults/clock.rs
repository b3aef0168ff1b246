//! A service whose clock is wrong.

use std::time::Duration;

use tokio::time::sleep;

use super::inject;
use crate::{
    chaos::fault::{Fault, Injected, Stage},
    services::Service,
};

pub const FAULTS: [Fault; 1] = [Fault {
    number: 13,
    name: "clock",
    what: "the clock of one service after another is an hour ahead, then an hour behind",
    inject: inject!(wrong),
}];

async fn wrong(stage: &mut Stage) -> anyhow::Result<Injected> {
    let services = if stage.brief { &[Service::Order][..] } else { &Service::ALL };
    let offsets = ["1h", "-1h"];
    for service in services {
        for offset in offsets {
            restart(stage, *service, &[("CLOCK_OFFSET", offset)]).await?;
            sleep(Duration::from_secs(4)).await;
        }
        restart(stage, *service, &[]).await?;
    }
    Injected::times(services.len() * offsets.len())
}

/// Every process of the service anew, one after another.
async fn restart(stage: &mut Stage, service: Service, variables: &[(&str, &str)]) -> anyhow::Result<()> {
    let fleet = &mut stage.world.fleet;
    for number in 0..fleet.count() {
        let replica = fleet.get(service, number)?;
        replica.terminate().await;
        replica.start(variables)?;
        fleet.ready(service, number).await?;
    }
    Ok(())
}
