//! Ships that cannot be built, and a compensation that does not work at first.

use std::time::Duration;

use ::faults::ProviderFault;
use tokio::time::sleep;

use super::inject;
use crate::{
    chaos::{
        fault::{Done, Fault, Injected, Stage},
        world::World,
    },
    services::Service,
};

pub const FAULTS: [Fault; 1] = [Fault {
    number: 8,
    name: "assembly-fails",
    what: "no ship can be built, and each of the first five refunds fails before one works",
    inject: inject!(fail),
}];

async fn fail(stage: &mut Stage) -> anyhow::Result<Injected> {
    let lasting = Duration::from_secs(stage.scale(15, 6));
    let before = failed_ships(&stage.world).await?;
    stage.world.provider.script_refunds([ProviderFault::Status(500); 5]);
    restart(stage, &[("ASSEMBLY_FAILURE_RATE", "1")]).await?;
    sleep(lasting).await;
    restart(stage, &[]).await?;
    let times = failed_ships(&stage.world).await? - before;
    let problems = if times == 0 { vec!["no ship failed".to_owned()] } else { Vec::new() };
    Ok(Injected::Times(Done { times: usize::try_from(times)?, problems, ..Done::default() }))
}

async fn restart(stage: &mut Stage, variables: &[(&str, &str)]) -> anyhow::Result<()> {
    let fleet = &mut stage.world.fleet;
    for replica in fleet.of(Service::Assembly) {
        replica.terminate().await;
        replica.start(variables)?;
    }
    fleet.ready(Service::Assembly, 0).await
}

async fn failed_ships(world: &World) -> anyhow::Result<i64> {
    let count = sqlx::query_scalar("select count(*) from jobs where status = 'failed'");
    Ok(count.fetch_one(world.sources.databases.get(Service::Assembly)?).await?)
}
