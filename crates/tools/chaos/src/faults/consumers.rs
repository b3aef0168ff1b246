//! Consumers become slow, restart repeatedly, or freeze.

use std::{collections::BTreeSet, time::Duration};

use contracts::events::{INBOUND, ROUTES};
use operations::registry::find;
use rand::{RngExt as _, seq::IndexedRandom as _};
use tokio::time::sleep;

use super::inject;
use crate::{
    cluster::{Cluster, Link},
    experiment::{Experiment, Fault, Injected, Injection},
};
use platform::server::service::Service;

const HOLDS: &str = "Events are consumed meanwhile.";

pub const FAULTS: [Fault; 3] = [
    Fault::new(10, "consumer-slow", "100 ms added latency between every consumer and its database", inject!(slow))
        .lasting(15, 5)
        .holds(HOLDS),
    Fault::new(
        10,
        "consumer-restless",
        "a process of assembly, payment, notification or delivery is restarted every 3 s",
        inject!(restless),
    )
    .times(10, 3)
    .holds(HOLDS),
    Fault::new(
        10,
        "consumer-frozen",
        "one process each of assembly, payment, notification and delivery is frozen",
        inject!(frozen),
    )
    .lasting(20, 8)
    .holds(HOLDS),
];

fn consumers() -> Vec<&'static Service> {
    let routed = ROUTES.iter().flat_map(|route| route.consumers).map(|consumer| consumer.service);
    let names: BTreeSet<&str> = routed.chain(INBOUND.iter().map(|inbound| inbound.consumer.service)).collect();
    names.into_iter().filter_map(find).collect()
}

/// Consuming services that customers seldom or never call.
const BACKGROUND: [&Service; 4] = [&assembly::SERVICE, &payment::SERVICE, &notification::SERVICE, &delivery::SERVICE];

/// Returns how many events all consumers have handled so far.
async fn taken(cluster: &Cluster) -> anyhow::Result<i64> {
    let mut taken = 0;
    for consumer in ROUTES.iter().filter(|route| route.has_inboxes()).flat_map(|route| route.consumers) {
        let rows = sqlx::query_scalar::<_, i64>("select count(*) from inbox where consumer = $1").bind(consumer.group);
        taken += rows.fetch_one(cluster.sources.databases.named(consumer.service)?).await?;
    }
    Ok(taken)
}

/// Returns an injection, with a problem if no event was consumed since `taken_before`.
async fn done(experiment: &Experiment, times: usize, taken_before: i64) -> anyhow::Result<Injected> {
    let meanwhile = taken(&experiment.cluster).await? - taken_before;
    let problems = if meanwhile == 0 { vec!["no event was taken meanwhile".to_owned()] } else { Vec::new() };
    let notes = vec![format!("{meanwhile} events were taken meanwhile")];
    Ok(Injected::Done(Injection { times, problems, notes, ..Injection::default() }))
}

async fn slow(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let before = taken(&experiment.cluster).await?;
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
    done(experiment, consumers.len(), before).await
}

async fn restless(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let (times, before) = (experiment.times, taken(&experiment.cluster).await?);
    for _ in 0..times {
        let service = *BACKGROUND.choose(&mut experiment.random).unwrap_or(&&assembly::SERVICE);
        let number = experiment.random.random_range(0..experiment.cluster.replicas.count());
        let replica = experiment.cluster.replicas.get(service, number)?;
        replica.terminate().await;
        replica.start(&[])?;
        experiment.cause_removed();
        sleep(Duration::from_secs(3)).await;
    }
    done(experiment, times, before).await
}

async fn frozen(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let before = taken(&experiment.cluster).await?;
    for service in BACKGROUND {
        experiment.cluster.replicas.get(service, 0)?.freeze();
    }
    sleep(experiment.lasting).await;
    for service in BACKGROUND {
        experiment.cluster.replicas.get(service, 0)?.thaw();
    }
    experiment.cause_removed();
    done(experiment, BACKGROUND.len(), before).await
}
