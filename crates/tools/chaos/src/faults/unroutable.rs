//! Events of an unknown type come before other events of their orders in the outbox.

use std::time::Duration;

use audit::facts::{Bounds, OutboxRow};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::inject;
use crate::{
    cluster::Cluster,
    experiment::{Experiment, Fault, Injected, Injection},
    wait::until,
};

pub const FAULTS: [Fault; 1] =
    [Fault::new(10, "event-unroutable", "unroutable events in the outbox of order", inject!(hold_back))
        .lasting(15, 6)
        .holds("Only later events of the same orders wait.")];

/// An event type without a topic.
const UNHEARD: &str = "events.v1.Unheard";
/// The number of unpaid orders with such an event.
const ORDERS: i64 = 12;
/// The events of other orders must be published within this time.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(5);
/// The relay must set the unknown events aside within this time.
const SET_ASIDE_TIMEOUT: Duration = Duration::from_secs(10);

async fn hold_back(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let (last, orders) = insert(&experiment.cluster).await?;
    let mut done = Injection::at_least_one(orders.len(), "no order waited for its payment");
    let begun = Instant::now();
    until(SET_ASIDE_TIMEOUT, async || Ok(set_aside(&experiment.cluster).await?.len() >= orders.len())).await?;
    sleep(experiment.lasting.saturating_sub(begun.elapsed())).await;

    let (others, late) = others(&experiment.cluster, last, &orders).await?;
    if others == 0 || late > 0 {
        done.problems.push(format!("of {others} events of other orders {late} were not published in time"));
    }
    let overtaking = overtaking(&experiment.cluster, last, &orders).await?;
    if overtaking > 0 {
        done.problems.push(format!("{overtaking} events overtook one of their order that cannot be routed"));
    }
    let aside = set_aside(&experiment.cluster).await?;
    done.problems.extend(listed(experiment, &aside, &orders).await?);
    let behind = aside.len().saturating_sub(orders.len());
    done.notes.push(format!("{others} events of other orders went on, {behind} waited behind {}", orders.len()));

    sqlx::query("delete from outbox where event_type = $1")
        .bind(UNHEARD)
        .execute(database(&experiment.cluster)?)
        .await?;
    experiment.cause_removed();
    Ok(Injected::Done(done))
}

fn database(cluster: &Cluster) -> anyhow::Result<&platform::postgres::Database> {
    cluster.sources.databases.get(&order::SERVICE)
}

/// Inserts an event of the unknown type for each of the latest unpaid orders. Returns the last row's id and the orders.
async fn insert(cluster: &Cluster) -> anyhow::Result<(i64, Vec<Uuid>)> {
    let rows: Vec<(i64, Uuid)> = sqlx::query_as(
        "insert into outbox (event_uuid, event_type, key, payload, trace)
        select gen_random_uuid(), $1, uuid, '', '{}' from (
            select uuid from orders where status = 'PENDING_PAYMENT' order by created_at desc limit $2) as waiting
        returning id, key",
    )
    .bind(UNHEARD)
    .bind(ORDERS)
    .fetch_all(database(cluster)?)
    .await?;
    let last = rows.iter().map(|(id, _)| *id).max().unwrap_or_default();
    Ok((last, rows.into_iter().map(|(_, order)| order).collect()))
}

/// Returns the UUIDs of the events set aside.
async fn set_aside(cluster: &Cluster) -> anyhow::Result<Vec<Uuid>> {
    let question = "select event_uuid from outbox where set_aside_at is not null and published_at is null";
    Ok(sqlx::query_scalar(question).fetch_all(database(cluster)?).await?)
}

/// Returns the number of later events of other orders, and how many of them are overdue.
async fn others(cluster: &Cluster, last: i64, orders: &[Uuid]) -> anyhow::Result<(i64, i64)> {
    let counted = sqlx::query_as(
        "select count(*), count(*) filter (
            where published_at is null and created_at < now() - make_interval(secs => $3))
        from outbox where id > $1 and key <> all($2)",
    );
    Ok(counted.bind(last).bind(orders).bind(PUBLISH_TIMEOUT.as_secs_f64()).fetch_one(database(cluster)?).await?)
}

/// Returns how many later events of `orders` were published.
async fn overtaking(cluster: &Cluster, last: i64, orders: &[Uuid]) -> anyhow::Result<i64> {
    let counted =
        sqlx::query_scalar("select count(*) from outbox where id > $1 and key = any($2) and published_at is not null");
    Ok(counted.bind(last).bind(orders).fetch_one(database(cluster)?).await?)
}

/// Checks that the audit, without a grace period, reports the events set aside.
async fn listed(experiment: &Experiment, aside: &[Uuid], orders: &[Uuid]) -> anyhow::Result<Vec<String>> {
    let mut facts = experiment.cluster.sources.gather(std::sync::Arc::new(|_, _, _| {})).await?;
    facts.bounds = Bounds { grace: Duration::ZERO, ..facts.bounds };
    let unheard = facts.outbox.iter().filter(|row| row.kind == UNHEARD);
    let names: Vec<String> = unheard.map(|OutboxRow { event, .. }| event.to_string()).collect();
    let findings = audit::check(&facts).findings;
    let publication = findings.iter().find(|finding| finding.number == 4);
    let told = publication.map(|finding| finding.violations.as_slice()).unwrap_or_default();
    let listed =
        names.iter().filter(|name| told.iter().any(|one| one.row.contains(*name) && one.problem.contains("set aside")));
    let (listed, all) = (listed.count(), orders.len());
    let short = listed < all || aside.len() < all;
    Ok(short
        .then(|| format!("of {all} unroutable events {} were set aside, and the audit lists {listed}", aside.len()))
        .into_iter()
        .collect())
}
