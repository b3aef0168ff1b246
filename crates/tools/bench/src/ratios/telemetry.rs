//! P12: the cost of exporting traces.

use std::time::Duration;

use super::{CONCURRENT_REQUESTS, orders::post_orders};
use crate::{
    lab::{Choice, Lab, Variant},
    report::{Aim, Row},
    rounds::{Probe, interleave},
    sample::{Sample, closed_loop},
    work::{Customer, Operation},
};

/// A started shop first opens its connections and prepares its statements.
const WARM_UP: Duration = Duration::from_secs(2);

pub async fn telemetry(lab: &Lab) -> anyhow::Result<Vec<Row>> {
    let parts = lab.parts().await?.all();
    let parts = &parts;
    let probes = vec![
        Probe::numerator("POST /orders with traces exported", || post(lab, Variant::Traced, parts)),
        Probe::denominator("POST /orders without", || post(lab, Variant::Usual, parts)),
    ];
    let taken = interleave(probes, lab.effort, async || lab.settle().await).await?;
    let name = "POST /orders with traces exported ÷ without";
    let row = taken.row("P12", name, Aim::AtLeast(0.97), &[0, 1], |round| round[0].value / round[1].value)?;
    let note = "every trace is exported over OTLP to a collector that drops it; metrics and logs are on in both";
    Ok(vec![row.with_notes([note.to_owned()])])
}

async fn post(lab: &Lab, variant: Variant, parts: &Choice) -> anyhow::Result<Sample> {
    // The shop of the other variant still runs, and completes its work before it is stopped.
    let customers = lab.customers().await?;
    let shop = lab.shop(variant).await?;
    let create = Operation::Create(parts.clone());
    let warm_up = Customer::workers(&shop, CONCURRENT_REQUESTS, &customers, &create)?;
    closed_loop(warm_up, WARM_UP).await?;
    lab.settle().await?;
    post_orders(lab, &shop, parts).await
}
