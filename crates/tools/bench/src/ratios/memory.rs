//! P10: the memory of the shop's six services, each in its own process.

use std::time::Duration;

use operations::registry::SERVICES;

use super::peak::Peak;
use crate::{
    lab::{Lab, Shop},
    report::{Aim, Role, Row, Unit},
    rounds::{Probe, interleave},
    sample::Sample,
};

/// The number of services that the aim of P10 is about, the first of the registry.
const MEASURED: usize = 6;
/// How often memory is read under load. The largest sum counts.
const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// After this time, temporary memory of the start is freed.
const IDLE_TIME: Duration = Duration::from_secs(5);

pub async fn memory(lab: &Lab) -> anyhow::Result<Vec<Row>> {
    // The first start applies the migrations and fills the catalogue.
    lab.parts().await?;
    let services = lab.apart(&SERVICES[..MEASURED], Vec::new()).await?;
    let (outcome, each) = measure(lab, &services).await?;
    services.stop().await;
    let [idle, busy] = outcome;
    let [idle_each, busy_each] = each.map(|each| format!("MiB of each: {each}"));
    let how =
        "anonymous memory (RssAnon), which a cgroup charges to its service alone; pages of the program file are shared";
    Ok(vec![idle.with_notes([idle_each, how.to_owned()]), busy.with_notes([busy_each])])
}

async fn measure(lab: &Lab, services: &Shop) -> anyhow::Result<([Row; 2], [String; 2])> {
    tokio::time::sleep(IDLE_TIME.max(lab.effort.time)).await;
    services.settle().await?;
    let idle_each = services.memory()?;
    let idle = Probe::new(Role::Numerator, Unit::Mebibytes, "six services, idle", || async {
        Ok(Sample::new(sum(&services.memory()?)))
    });
    // The two probes do not take turns: after load, a service's memory is no longer that of an idle one.
    let settle = async || services.settle().await;
    let idle = interleave(vec![idle], lab.effort, settle).await?;
    let peak = &Peak::find(lab, services.addresses()).await?;
    let busy = Probe::new(Role::Numerator, Unit::Mebibytes, "six services at half of peak", || async {
        let mut most = 0.0_f64;
        let load = peak.measure(peak.rate / 2);
        let mut load = std::pin::pin!(load);
        loop {
            tokio::select! {
                sample = &mut load => return Ok(Sample { value: most, ..sample? }),
                () = tokio::time::sleep(POLL_INTERVAL) => most = most.max(sum(&services.memory()?)),
            }
        }
    });
    let busy = interleave(vec![busy], lab.effort, settle).await?;
    let rows = [
        idle.row("P10", "memory of the six services, idle", Aim::AtMost(80.0), &[0], |round| round[0].value)?,
        busy.row("P10", "memory of the six services at half of their peak", Aim::None, &[0], |round| round[0].value)?,
    ];
    Ok((rows, [shown(&idle_each), shown(&services.memory()?)]))
}

fn sum(each: &[(&str, f64)]) -> f64 {
    each.iter().map(|(_, memory)| memory).sum()
}

fn shown(each: &[(&str, f64)]) -> String {
    each.iter().map(|(service, memory)| format!("{service} {memory:.1}")).collect::<Vec<_>>().join(", ")
}
