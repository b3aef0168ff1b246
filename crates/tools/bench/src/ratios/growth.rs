//! G1 and G2: the cost of an order as the tables grow, and as orders contain more parts.

use std::sync::Arc;

use futures::future::try_join_all;
use operations::registry::of_orders;

use super::CONCURRENT_REQUESTS;
use crate::{
    fill::{Fill, fill},
    lab::{Lab, Shop, Variant, tables},
    report::{Aim, Figure, Role, Row, Unit},
    rounds::{Probe, interleave, took},
    sample::{Sample, closed_loop},
    statistics::{median, spread},
    work::{Customer, Operation},
};

/// The numbers of orders in the tables. The first is repeated at the end, to detect a change of the machine.
const SIZES: [i64; 4] = [1_000, 100_000, 1_000_000, 1_000];
/// The numbers of parts in an order. The last is the contract's maximum.
const PARTS: [usize; 3] = [1, 10, 1_000];
/// How many orders with many parts are created concurrently.
const LARGE_ORDER_WORKERS: usize = 8;
/// The number of customers who list their orders. The first thousand orders belong to them, so each has a page of
/// twenty at every size.
const LISTING_CUSTOMERS: usize = 50;
/// If the first measurement and its repetition differ by more than this share, the machine has changed.
const MAX_DRIFT: f64 = 0.15;
const OPERATIONS: [&str; 3] = ["GET /orders?limit=20", "POST /orders", "POST /orders and pay"];

/// Samples by size, then by operation, then by round.
type Samples = Vec<Vec<Vec<Sample>>>;

pub async fn orders_in_the_tables(lab: &Lab) -> anyhow::Result<Vec<Row>> {
    let customers = lab.customers().await?;
    lab.parts().await?;
    let listing: Vec<_> = customers[..LISTING_CUSTOMERS].iter().map(|customer| customer.user).collect();
    let mut samples: Samples = Vec::new();
    let mut there = 0;
    let mut notes = Vec::new();
    for size in SIZES {
        lab.stop_shop().await;
        if size < there {
            let services: Vec<_> = of_orders().collect();
            notes = tables::sizes(lab.servers().await?, &services, there).await?;
            lab.reset_tables().await?;
            there = 0;
        }
        let rows = Fill { first: there + 1, last: size, open: 0, parts: 0 };
        let (servers, listing) = (lab.servers().await?, &listing);
        try_join_all(of_orders().map(async |service| {
            let mut connection = servers.database(service)?.connect().await?;
            fill(&mut connection, service, rows, listing).await
        }))
        .await?;
        there = size;
        samples.push(measure(lab, size).await?);
    }
    let mut rows = Vec::new();
    for (operation, name) in OPERATIONS.iter().enumerate() {
        for size in 1..SIZES.len() - 1 {
            rows.push(row(&samples, operation, name, size)?);
        }
    }
    if let Some(last) = rows.pop() {
        rows.push(last.with_notes(notes));
    }
    Ok(rows)
}

/// Measures the operations in turns, on tables with `size` orders.
async fn measure(lab: &Lab, size: i64) -> anyhow::Result<Vec<Vec<Sample>>> {
    let shop = lab.shop(Variant::Usual).await?;
    let mut samples = vec![Vec::new(); OPERATIONS.len()];
    for _ in 0..lab.effort.rounds {
        for (operation, name) in OPERATIONS.iter().enumerate() {
            lab.settle().await?;
            let name = format!("{name}, {size} orders in the tables");
            let sample = operate(lab, &shop, operation).await?;
            took(&name, Unit::PerSecond, &sample);
            samples[operation].push(sample);
        }
    }
    Ok(samples)
}

async fn operate(lab: &Lab, shop: &Shop, operation: usize) -> anyhow::Result<Sample> {
    let (customers, time) = (lab.customers().await?, lab.effort.time);
    let (listing, buying): (Arc<[_]>, Arc<[_]>) =
        (customers[..LISTING_CUSTOMERS].into(), customers[LISTING_CUSTOMERS..].into());
    let parts = lab.parts().await?.all();
    let (customers, operation) = match operation {
        0 => (listing, Operation::List),
        1 => (buying, Operation::Create(parts)),
        _ => (buying, Operation::Buy(parts, Arc::default())),
    };
    closed_loop(Customer::workers(shop, CONCURRENT_REQUESTS, &customers, &operation)?, time).await
}

fn row(samples: &Samples, operation: usize, name: &str, size: usize) -> anyhow::Result<Row> {
    let of = |size: usize| &samples[size][operation];
    let values = |samples: &[Sample]| samples.iter().map(|sample| sample.value).collect::<Vec<_>>();
    let figure = |role, name: String, samples: &[Sample]| -> Option<Figure> {
        let values = values(samples);
        let middle = |get: fn(&Sample) -> Option<f64>| median(&samples.iter().filter_map(get).collect::<Vec<_>>());
        Some(Figure {
            name,
            role,
            unit: Unit::PerSecond,
            median: median(&values)?,
            spread: spread(&values),
            p50: middle(|sample| sample.p50),
            p99: middle(|sample| sample.p99),
            values,
        })
    };
    let few = [of(0).as_slice(), of(SIZES.len() - 1)].concat();
    let figures = [
        figure(Role::Numerator, format!("{name}, {} orders in the tables", SIZES[size]), of(size)),
        figure(Role::Denominator, format!("{name}, {} orders, before and after", SIZES[0]), &few),
    ];
    let [Some(many), Some(few)] = figures else { anyhow::bail!("{name} was not measured") };
    let halves = [of(0), of(SIZES.len() - 1)].map(|half| median(&values(half)).unwrap_or_default());
    let (ratio, aim) = (many.median / few.median, Aim::AtLeast(0.8));
    Ok(Row {
        id: "G1",
        name: format!("{name}: {} orders in the tables ÷ {}", SIZES[size], SIZES[0]),
        ratio,
        spread: many.spread,
        values: many.values.iter().map(|value| value / few.median).collect(),
        aim,
        is_met: aim.is_met(ratio),
        is_unsteady: spread(&halves).is_some_and(|drift| drift > MAX_DRIFT),
        figures: vec![many, few],
        notes: Vec::new(),
    })
}

pub async fn parts_in_an_order(lab: &Lab) -> anyhow::Result<Vec<Row>> {
    let customers = lab.customers().await?;
    let parts = lab.parts().await?;
    let shop = lab.shop(Variant::Usual).await?;
    let (customers, shop, time) = (&customers, &shop, lab.effort.time);
    let probes = PARTS.map(|count| {
        let create = Operation::Create(parts.some(count));
        let role = if count == PARTS[0] { Role::Denominator } else { Role::Numerator };
        Probe::new(role, Unit::PerSecond, format!("POST /orders of {count} parts"), move || {
            let create = create.clone();
            async move { closed_loop(Customer::workers(shop, LARGE_ORDER_WORKERS, customers, &create)?, time).await }
        })
    });
    let taken = interleave(probes.into(), lab.effort, async || lab.settle().await).await?;
    let row = |numerator: usize| {
        let name = format!("POST /orders of {} parts ÷ of one", PARTS[numerator]);
        taken.row("G2", name, Aim::None, &[numerator, 0], |round| round[numerator].value / round[0].value)
    };
    Ok(vec![row(1)?, row(2)?])
}
