//! P1, P12 and P13: creating orders, compared with the primitives on its path, with the export of traces, and with
//! orders that all contain the same part.

use std::time::Duration;

use platform::{postgres::Database, server::service::Service};

use super::CONCURRENT_REQUESTS;
use crate::{
    lab::{Choice, Lab, Shop, Variant},
    report::{Aim, Row},
    rounds::{Probe, interleave},
    sample::{Sample, closed_loop},
    statistics::additive_limit,
    work::{Customer, EmptyRequest, Inserts, Operation},
};

/// Measures `POST /orders` with 64 concurrent requests.
async fn post_orders(lab: &Lab, shop: &Shop, choice: &Choice) -> anyhow::Result<Sample> {
    let create = Operation::Create(choice.clone());
    let workers = Customer::workers(shop, CONCURRENT_REQUESTS, &lab.customers().await?, &create)?;
    closed_loop(workers, lab.effort.time).await
}

/// Returns a pool as large as that of `service`, for minimal writes.
pub async fn writes(lab: &Lab, service: &Service) -> anyhow::Result<Database> {
    let size = service.database.as_ref().map_or(1, |database| database.connections);
    lab.servers().await?.pool(size)
}

async fn insert(lab: &Lab, pool: &Database) -> anyhow::Result<Sample> {
    let workers = Inserts::workers(std::slice::from_ref(pool), CONCURRENT_REQUESTS).await?;
    closed_loop(workers, lab.effort.time).await
}

pub async fn create(lab: &Lab) -> anyhow::Result<Vec<Row>> {
    let customers = lab.customers().await?;
    let parts = lab.parts().await?;
    let shop = lab.shop(Variant::Usual).await?;
    let nothing = lab.nothing().await?;
    let (reservations, orders) = (writes(lab, &inventory::SERVICE).await?, writes(lab, &order::SERVICE).await?);
    let (few, all) = (parts.few(), parts.all());
    let (few, all, shop, customers, time) = (&few, &all, &shop, &customers, lab.effort.time);
    let (reservations, orders) = (&reservations, &orders);
    let probes = vec![
        Probe::numerator("POST /orders on 12 parts", || post_orders(lab, shop, few)),
        Probe::numerator("POST /orders on 10 000 parts", || post_orders(lab, shop, all)),
        Probe::denominator("Whoami", || async move {
            closed_loop(Customer::workers(shop, CONCURRENT_REQUESTS, customers, &Operation::Whoami)?, time).await
        }),
        Probe::denominator("insert with commit, the pool of inventory", || insert(lab, reservations)),
        Probe::denominator("insert with commit, the pool of order", || insert(lab, orders)),
        Probe::denominator("empty HTTP request", || async {
            closed_loop(EmptyRequest::workers(nothing, CONCURRENT_REQUESTS)?, time).await
        }),
    ];
    let taken = interleave(probes, lab.effort, async || lab.settle().await).await?;
    let limit = |round: &[Sample]| additive_limit(&[round[2], round[3], round[4], round[5]].map(|one| one.value));
    let row = |name, numerator: usize| {
        taken.row("P1", name, Aim::AtLeast(0.85), &[numerator, 2, 3, 4, 5], |round| {
            round[numerator].value / limit(round)
        })
    };
    let note = format!(
        "L = 1/(1/Whoami + 1/reservation write + 1/order write + 1/HTTP) = {:.0}/s; 64 connections, two parts an order",
        taken.limit(&[2, 3, 4, 5])
    );
    Ok(vec![row("POST /orders ÷ L, on 12 parts", 0)?.with_notes([note]), row("POST /orders ÷ L, on 10 000 parts", 1)?])
}

pub async fn hot_part(lab: &Lab) -> anyhow::Result<Vec<Row>> {
    lab.customers().await?;
    let parts = lab.parts().await?;
    let shop = lab.shop(Variant::Usual).await?;
    let (hot, all, shop) = (&parts.hot(), &parts.all(), &shop);
    let probes = vec![
        Probe::numerator("POST /orders on one hot part and another", || post_orders(lab, shop, hot)),
        Probe::denominator("POST /orders on 10 000 parts", || post_orders(lab, shop, all)),
    ];
    let taken = interleave(probes, lab.effort, async || lab.settle().await).await?;
    let name = "POST /orders on one hot part ÷ on 10 000 parts";
    Ok(vec![taken.row("P13", name, Aim::AtLeast(0.7), &[0, 1], |round| round[0].value / round[1].value)?])
}

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
