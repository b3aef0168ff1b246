//! Processes are killed, replaced, restarted or frozen, and run with a wrong clock or a slow database.
//! `crates/lab/tests/chaos` runs some of these faults, briefly.

use std::{collections::BTreeSet, time::Duration};

use contracts::events::{INBOUND, ROUTES, Route};
use operations::registry::{SERVICES, find};
use platform::server::service::Service;
use rand::{RngExt as _, seq::IndexedRandom as _};
use tokio::time::sleep;

use super::{answered_since, inject};
use crate::{
    cluster::{Cluster, Link},
    experiment::{Experiment, Fault, Injected, Injection},
};

const CONSUMED: &str = "Events are consumed meanwhile.";

pub const FAULTS: [Fault; 7] = [
    Fault::new(1, "kill", "kill -9 of a process of each service in turn, at random moments", inject!(kill))
        .times(20, 2)
        .restarting(),
    Fault::new(10, "consumer-slow", "100 ms added latency between every consumer and its database", inject!(slow))
        .lasting(15, 5)
        .holds(CONSUMED),
    Fault::new(
        10,
        "consumer-restless",
        "a process of assembly, payment, notification or delivery is restarted every 3 s",
        inject!(restless),
    )
    .times(10, 3)
    .holds(CONSUMED),
    Fault::new(
        10,
        "consumer-frozen",
        "one process each of assembly, payment, notification and delivery is frozen",
        inject!(frozen),
    )
    .lasting(20, 8)
    .holds(CONSUMED),
    Fault::new(12, "rolling", "every process of every service is replaced, one after another", inject!(roll))
        .holds("No request fails, over HTTP/1.1 or HTTP/2.")
        .restarting(),
    Fault::new(
        13,
        "clock",
        "the clock of one service after another is an hour ahead, then an hour behind, which affects its tokens, logins and dead letters",
        inject!(wrong_clock),
    )
    .lasting(4, 4),
    Fault::new(
        13,
        "clock-delivery",
        "the clock of one of delivery's processes is an hour ahead, then behind, and it moves the couriers alone for a while",
        inject!(wrong_clock_of_delivery),
    )
    .lasting(12, 6),
];

/// Consuming services that customers seldom or never call.
const BACKGROUND: [&Service; 4] = [&assembly::SERVICE, &payment::SERVICE, &notification::SERVICE, &delivery::SERVICE];
/// The clock's offsets: the largest that services tolerate in each other's tokens.
const OFFSETS: [&str; 2] = ["1h", "-1h"];

async fn kill(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    for _ in 0..experiment.times {
        for service in SERVICES {
            sleep(Duration::from_millis(experiment.random.random_range(100..1_500))).await;
            let number = experiment.random.random_range(0..experiment.cluster.replicas.count(service));
            let replica = experiment.cluster.replicas.get(service, number)?;
            replica.kill().await;
            replica.start(&[])?;
            experiment.cause_removed();
        }
    }
    Injected::times(experiment.times * SERVICES.len())
}

async fn slow(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let before = consumed(&experiment.cluster).await?;
    let links = experiment.cluster.links.clone();
    let consumers = consumers();
    for service in &consumers {
        links.get(Link::Database(service))?.delay(Duration::from_millis(50));
    }
    sleep(experiment.lasting).await;
    for service in &consumers {
        links.get(Link::Database(service))?.restore();
    }
    experiment.cause_removed();
    consumed_since(experiment, consumers.len(), before).await
}

async fn restless(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let (times, before) = (experiment.times, consumed(&experiment.cluster).await?);
    for _ in 0..times {
        let service = *BACKGROUND.choose(&mut experiment.random).unwrap_or(&&assembly::SERVICE);
        let number = experiment.random.random_range(0..experiment.cluster.replicas.count(service));
        experiment.cluster.replicas.restart(service, number, &[]).await?;
        experiment.cause_removed();
        sleep(Duration::from_secs(3)).await;
    }
    consumed_since(experiment, times, before).await
}

async fn frozen(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let before = consumed(&experiment.cluster).await?;
    for service in BACKGROUND {
        experiment.cluster.replicas.get(service, 0)?.freeze();
    }
    sleep(experiment.lasting).await;
    for service in BACKGROUND {
        experiment.cluster.replicas.get(service, 0)?.thaw();
    }
    experiment.cause_removed();
    consumed_since(experiment, BACKGROUND.len(), before).await
}

fn consumers() -> Vec<&'static Service> {
    let routed = ROUTES.iter().flat_map(|route| route.consumers).map(|consumer| consumer.service);
    let names: BTreeSet<&str> = routed.chain(INBOUND.iter().map(|inbound| inbound.consumer.service)).collect();
    names.into_iter().filter_map(find).collect()
}

/// Returns how many events all consumers have handled so far.
async fn consumed(cluster: &Cluster) -> anyhow::Result<i64> {
    let mut consumed = 0;
    for consumer in ROUTES.iter().flat_map(Route::inboxes) {
        let rows = sqlx::query_scalar::<_, i64>("select count(*) from inbox where consumer = $1").bind(consumer.group);
        consumed += rows.fetch_one(cluster.sources.databases.named(consumer.service)?).await?;
    }
    Ok(consumed)
}

/// Returns an injection, with a problem if no event was consumed since `before`.
async fn consumed_since(experiment: &Experiment, times: usize, before: i64) -> anyhow::Result<Injected> {
    let meanwhile = consumed(&experiment.cluster).await? - before;
    let problems = if meanwhile == 0 { vec!["no event was taken meanwhile".to_owned()] } else { Vec::new() };
    let notes = vec![format!("{meanwhile} events were taken meanwhile")];
    Ok(Injected::Done(Injection { times, problems, notes, ..Injection::default() }))
}

async fn roll(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let services = some(experiment);
    let before = experiment.load.counters();
    for service in services {
        experiment.cluster.replicas.replace(service, &[]).await?;
    }
    experiment.cause_removed();
    let counters = answered_since(experiment, &before).await;
    let failed = counters.unsatisfied();
    let problems =
        if failed > 0 { vec![format!("{failed} of {} requests failed", counters.requests)] } else { Vec::new() };
    let times = services.iter().map(|service| experiment.cluster.replicas.count(service)).sum();
    Ok(Injected::Done(Injection { times, problems, ..Injection::default() }))
}

/// Returns all services, or two of them in a short run.
fn some(experiment: &Experiment) -> &'static [&'static Service] {
    const ALL: &[&Service] = &SERVICES;
    const TWO: &[&Service] = &[&iam::SERVICE, &order::SERVICE];
    experiment.scale(ALL, TWO)
}

async fn wrong_clock(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let services = some(experiment);
    for service in services {
        for offset in OFFSETS {
            // A process that rejected the offset would not become ready.
            experiment.cluster.replicas.replace(service, &[("CLOCK_OFFSET", offset)]).await?;
            sleep(experiment.lasting).await;
        }
        // The cause is removed when the last process with a wrong clock has exited, before its successor is ready.
        for number in 0..experiment.cluster.replicas.count(service) {
            experiment.cluster.replicas.restart(service, number, &[]).await?;
            experiment.cause_removed();
            experiment.cluster.replicas.ready(service, number).await?;
        }
    }
    let notes = vec![
        "wrong is the clock of the process: of the tokens that it signs and checks, of iam's logins and users, of dead letters; \
         deadlines, leases and due times are PostgreSQL's, whose clock is right"
            .to_owned(),
    ];
    Ok(Injected::Done(Injection { times: services.len() * OFFSETS.len(), notes, ..Injection::default() }))
}

async fn wrong_clock_of_delivery(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let service = &delivery::SERVICE;
    for offset in OFFSETS {
        experiment.cluster.replicas.restart(service, 0, &[("CLOCK_OFFSET", offset)]).await?;
        experiment.cause_begins();
        experiment.cluster.replicas.ready(service, 0).await?;
        // Terminating the other process passes the lease to the process with the wrong clock.
        experiment.cluster.replicas.get(service, 1)?.terminate().await;
        sleep(experiment.lasting).await;
        experiment.cluster.replicas.get(service, 1)?.start(&[])?;
        experiment.cluster.replicas.ready(service, 1).await?;
    }
    experiment.cluster.replicas.restart(service, 0, &[]).await?;
    experiment.cause_removed();
    experiment.cluster.replicas.ready(service, 0).await?;
    Injected::times(OFFSETS.len())
}
