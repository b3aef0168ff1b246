//! The process that holds a lease is frozen: another one takes over, and the frozen one must be fenced off when it
//! resumes.

use std::time::Duration;

use chrono::{DateTime, Utc};
use platform::{clock, server::service::Service};
use tokio::time::{Instant, sleep};

use super::inject;
use crate::{
    cluster::Cluster,
    experiment::{Experiment, Fault, Injected, Injection},
};

pub const FAULTS: [Fault; 3] = [
    Fault::new(
        10,
        "relay-frozen",
        "the process that holds the relay lease is frozen, in order, assembly and delivery",
        inject!(relays),
    )
    .holds("Another process publishes within 10 s."),
    Fault::new(
        10,
        "two-relays",
        "the relay lease of order, assembly and delivery expires ten times a second: two processes publish at once",
        inject!(two_relays),
    )
    .lasting(15, 8),
    Fault::new(
        10,
        "two-movers",
        "the process of delivery that moves the couriers is frozen, and resumed",
        inject!(movers),
    )
    .times(3, 1)
    .holds("Another moves them within 15 s; the frozen one moves none after it is resumed."),
];

/// Another relay must publish the events that were written meanwhile within this time.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(10);
/// Another process must move couriers within this time.
const MOVE_TIMEOUT: Duration = Duration::from_secs(15);
/// Events are written for this long while a relay is frozen.
const WRITE_TIME: Duration = Duration::from_secs(3);
/// Both processes run for this long after the first one was resumed.
const BOTH_RUN_FOR: Duration = Duration::from_secs(3);
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// The services whose relay leases the faults affect.
const RELAYS: [&Service; 3] = [&order::SERVICE, &assembly::SERVICE, &delivery::SERVICE];
/// The lease for publishing, and that for moving couriers.
const RELAY: &str = "outbox";
const MOVER: &str = "move-couriers";
const EXPIRE: &str = "update leases set expires_at = now() - interval '1 s' where name = $1";

/// Freezes the process of `service` that holds `lease` until its work `goes_on`, for at most `limit`, and resumes it.
/// Returns the number of the process, and how long the work stood still; `None` if it did not continue.
async fn freeze(
    experiment: &mut Experiment,
    service: &'static Service,
    lease: &str,
    limit: Duration,
    mut goes_on: impl AsyncFnMut(&mut Cluster, usize) -> anyhow::Result<bool>,
) -> anyhow::Result<(usize, Option<Duration>)> {
    let number = experiment.cluster.holder(service, lease).await?;
    experiment.cluster.replicas.get(service, number)?.freeze();
    experiment.cause_begins();
    let cluster = &mut experiment.cluster;
    let frozen = Instant::now();
    let mut took = None;
    while took.is_none() && frozen.elapsed() < limit {
        sleep(POLL_INTERVAL).await;
        took = goes_on(cluster, number).await?.then(|| frozen.elapsed());
    }
    cluster.replicas.get(service, number)?.thaw();
    experiment.cause_removed();
    sleep(BOTH_RUN_FOR).await;
    Ok((number, took))
}

async fn relays(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let mut done = Injection::default();
    for service in RELAYS {
        let (since, mut all, mut left) = (clock::now(), 0, 0);
        let (number, took) = freeze(experiment, service, RELAY, PUBLISH_TIMEOUT, async |cluster, _| {
            (all, left) = written(cluster, service, since).await?;
            Ok(left == 0 && clock::now() >= since + WRITE_TIME)
        })
        .await?;
        match took {
            _ if all == 0 => done.idle.push(format!("{service} wrote no event meanwhile")),
            Some(took) => done.notes.push(format!(
                "{service} {number}: {all} events published by another {:.1} s after it was stopped",
                took.as_secs_f64()
            )),
            None => done.problems.push(format!(
                "{left} of {all} events of {service} were not published within {} s",
                PUBLISH_TIMEOUT.as_secs()
            )),
        }
        done.times += usize::from(all > 0);
    }
    Ok(Injected::Done(done))
}

/// Returns how many events were written within [`WRITE_TIME`], and how many of them are unpublished.
async fn written(cluster: &Cluster, service: &'static Service, since: DateTime<Utc>) -> anyhow::Result<(i64, i64)> {
    let question = "select count(*), count(*) filter (where published_at is null) from outbox
        where created_at between $1 and $2";
    let counted = sqlx::query_as(question).bind(since).bind(since + WRITE_TIME);
    Ok(counted.fetch_one(cluster.sources.databases.get(service)?).await?)
}

/// A relay renews its lease only every other second, so the previous holder still publishes for a while.
async fn two_relays(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let before = epochs(&experiment.cluster).await?;
    experiment.cause_begins();
    let until = Instant::now() + experiment.lasting;
    while Instant::now() < until {
        for service in RELAYS {
            let expire = sqlx::query(EXPIRE).bind(RELAY);
            expire.execute(experiment.cluster.sources.databases.get(service)?).await?;
        }
        sleep(POLL_INTERVAL).await;
    }
    experiment.cause_removed();
    let mut done = Injection::default();
    for ((service, before), after) in RELAYS.into_iter().zip(before).zip(epochs(&experiment.cluster).await?) {
        if after == before {
            done.idle.push(format!("no other process took the relay lease of {service}"));
            continue;
        }
        done.times += 1;
        done.notes.push(format!("the relay lease of {service} changed hands {} times", after - before));
    }
    Ok(Injected::Done(done))
}

async fn epochs(cluster: &Cluster) -> anyhow::Result<Vec<i64>> {
    let mut epochs = Vec::new();
    for service in RELAYS {
        let epoch = sqlx::query_scalar("select epoch from leases where name = $1").bind(RELAY);
        epochs.push(epoch.fetch_one(cluster.sources.databases.get(service)?).await?);
    }
    Ok(epochs)
}

async fn movers(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let mut done = Injection { times: experiment.times, ..Injection::default() };
    for _ in 0..experiment.times {
        let mut before = None;
        let (number, took) = freeze(experiment, &delivery::SERVICE, MOVER, MOVE_TIMEOUT, async |cluster, number| {
            if cluster.holder(&delivery::SERVICE, MOVER).await? == number {
                return Ok(false);
            }
            // Once another process has the lease, only that process makes further deliveries.
            let now = delivered(cluster).await?;
            Ok(now > *before.get_or_insert(now))
        })
        .await?;
        match took {
            Some(took) => done.notes.push(format!(
                "a ship delivered by another {:.1} s after delivery {number} was frozen",
                took.as_secs_f64()
            )),
            None => {
                done.problems.push(format!("no ship was delivered by another within {} s", MOVE_TIMEOUT.as_secs()));
            }
        }
    }
    Ok(Injected::Done(done))
}

async fn delivered(cluster: &Cluster) -> anyhow::Result<i64> {
    cluster.count(&delivery::SERVICE, "select count(*) from orders where state = 'COMPLETED'").await
}
