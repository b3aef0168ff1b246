//! P6: whole orders, from the request to the message that the ship is built, compared with their commits.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use contracts::events::{OrderCreated, OrderPaid, PaymentCompleted, Published as _, ShipAssembled, route_of};
use operations::registry::find;
use platform::{postgres::Database, server::service::Service};
use tokio::time::Instant;

use super::orders::writes;
use crate::{
    lab::{Choice, Lab, Shop, Variant},
    report::{Aim, Row},
    rounds::{Probe, interleave},
    sample::{Sample, closed_loop},
    work::{Customer, Inserts, Operation},
};

/// The number of customers who create and pay orders, and of concurrent sequences of minimal statements.
const CONCURRENT_ORDERS: usize = 32;
/// How long the message about the last order may take.
const MESSAGES_TIMEOUT: Duration = Duration::from_mins(3);
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The events of an order that is paid and built. Each event costs one commit of its producer, which also writes the
/// reported change, and one commit of each consumer.
const EVENTS: [&str; 4] = [OrderCreated::TYPE, PaymentCompleted::TYPE, OrderPaid::TYPE, ShipAssembled::TYPE];
/// The order's other commits: the service whose pool each uses, and the write. Writes that cover many orders at once
/// (marks of published events, outcomes of sent messages) are left out.
const WITHOUT_EVENT: [(&Service, &str); 5] = [
    (&inventory::SERVICE, "parts reserved"),
    (&inventory::SERVICE, "reservation confirmed"),
    (&order::SERVICE, "attempt to pay"),
    (&payment::SERVICE, "intent to charge"),
    (&payment::SERVICE, "entry of the built-in provider"),
];

/// How long the broker is warmed up. After 28 seconds its compiler still took 12 % of the processors.
const WARM_UP: Duration = Duration::from_secs(90);

/// Sends whole orders before the first measurement. During the first minute under load, Kafka's JVM compiles its code
/// on the measured processors.
pub async fn warm_up(lab: &Lab) -> anyhow::Result<()> {
    let customers = lab.customers().await?;
    let parts = lab.parts().await?.all();
    let shop = lab.shop(Variant::Usual).await?;
    let buy = Operation::Buy(parts, Arc::default());
    closed_loop(Customer::workers(&shop, CONCURRENT_ORDERS, &customers, &buy)?, WARM_UP).await?;
    lab.settle().await
}

pub async fn whole(lab: &Lab) -> anyhow::Result<Vec<Row>> {
    lab.customers().await?;
    let parts = lab.parts().await?.few();
    let shop = lab.shop(Variant::Usual).await?;
    let notification = lab.servers().await?.database(&notification::SERVICE)?;
    let commits = commits()?;
    let mut path = Vec::new();
    for (service, _) in &commits {
        path.push(writes(lab, service).await?);
    }
    let (shop, parts, path, notification) = (&shop, &parts, &path, &notification);
    let probes = vec![
        Probe::numerator("whole orders", || orders(lab, shop, parts, notification)),
        Probe::denominator("their minimal SQL", || async move {
            closed_loop(Inserts::workers(path, CONCURRENT_ORDERS).await?, lab.effort.time).await
        }),
    ];
    let taken = interleave(probes, lab.effort, async || lab.settle().await).await?;
    let name = "whole orders a second ÷ their commits as single inserts";
    let row = taken.row("P6", name, Aim::AtLeast(0.7), &[0, 1], |round| round[0].value / round[1].value)?;
    let shown: Vec<String> = commits.iter().map(|(service, what)| format!("{service}: {what}")).collect();
    let note = format!("an order's {} single inserts with commit stand for: {}", shown.len(), shown.join("; "));
    Ok(vec![row.with_notes([
        note,
        "the time ends with the last message about a ship; latencies are those of creating and paying".to_owned(),
    ])])
}

/// Returns the commits of one order, each with the service whose pool it uses.
fn commits() -> anyhow::Result<Vec<(&'static Service, String)>> {
    let service = |name: &str| find(name).with_context(|| format!("there is no service {name}"));
    let mut commits = Vec::from(WITHOUT_EVENT.map(|(service, what)| (service, what.to_owned())));
    for kind in EVENTS {
        let route = route_of(kind).with_context(|| format!("there is no event {kind}"))?;
        commits.push((service(route.producer)?, format!("{kind} written")));
        for consumer in route.consumers {
            commits.push((service(consumer.service)?, format!("{kind} received")));
        }
    }
    Ok(commits)
}

/// Creates and pays orders for a while. The time ends when the last customer has received the message that the ship is
/// built.
async fn orders(lab: &Lab, shop: &Shop, parts: &Choice, notification: &Database) -> anyhow::Result<Sample> {
    let before = told(notification).await?;
    let paid = Arc::new(AtomicI64::new(0));
    let buy = Operation::Buy(parts.clone(), paid.clone());
    let workers = Customer::workers(shop, CONCURRENT_ORDERS, &lab.customers().await?, &buy)?;
    let begun = Instant::now();
    let sample = closed_loop(workers, lab.effort.time).await?;
    let wanted = before + paid.load(Ordering::Relaxed);
    let deadline = Instant::now() + MESSAGES_TIMEOUT;
    loop {
        let told = told(notification).await?;
        if told >= wanted {
            let count = usize::try_from(wanted - before)?;
            return Ok(Sample { value: crate::sample::per_second(count, begun.elapsed()), ..sample });
        }
        anyhow::ensure!(Instant::now() < deadline, "{} of {} customers were told", told - before, wanted - before);
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Returns the number of sent messages about built ships.
async fn told(notification: &Database) -> anyhow::Result<i64> {
    let count = "select count(*) from notifications where kind = 'ship_assembled' and status = 'sent'";
    Ok(sqlx::query_scalar(count).fetch_one(notification).await?)
}
