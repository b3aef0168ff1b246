//! P11: the time from the process's start until all services are ready, with running servers and existing schemas.

use crate::{
    lab::{Lab, Variant},
    report::{Aim, Role, Row, Unit},
    rounds::{Probe, interleave},
    sample::Sample,
};

pub async fn start(lab: &Lab) -> anyhow::Result<Vec<Row>> {
    // The first start applies the migrations and creates the topics.
    lab.shop(Variant::Usual).await?;
    let probe = Probe::new(Role::Numerator, Unit::Seconds, "start → ready", || async {
        lab.stop_shop().await;
        let shop = lab.shop(Variant::Usual).await?;
        Ok(Sample::new(shop.ready_after.as_secs_f64()))
    });
    let taken = interleave(vec![probe], lab.effort, async || Ok(())).await?;
    let row = taken.row("P11", "start until every service is ready", Aim::AtMost(0.2), &[0], |round| round[0].value)?;
    Ok(vec![row.with_notes(["all services in one process; the databases are migrated".to_owned()])])
}
