//! A relay is frozen while it holds the lease: another takes over, and the frozen one must be fenced off when it
//! resumes.

use std::time::Duration;

use anyhow::Context as _;
use platform::clock;
use tokio::time::{Instant, sleep};

use super::inject;
use crate::{
    cluster::Cluster,
    experiment::{Experiment, Fault, Injected, Injection},
};
use platform::server::service::Service;

pub const FAULTS: [Fault; 1] = [Fault {
    number: 10,
    name: "relay-frozen",
    what: "the process that holds the relay lease is frozen, in order, assembly and delivery: another takes over within 10 s",
    inject: inject!(freeze),
}];

/// How long events are written while the relay is frozen.
const WRITE_TIME: Duration = Duration::from_secs(3);
/// How soon another relay must have published these events.
const TAKEOVER_TIMEOUT: Duration = Duration::from_secs(10);
const POLL_INTERVAL: Duration = Duration::from_millis(100);

async fn freeze(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let mut done = Injection::default();
    for service in [&order::SERVICE, &assembly::SERVICE, &delivery::SERVICE] {
        let number = holder(&experiment.cluster, service).await?;
        experiment.cluster.replicas.get(service, number)?.freeze();
        let (frozen, since) = (Instant::now(), clock::now());
        sleep(WRITE_TIME).await;
        let until = clock::now();
        let (all, left) = loop {
            let (all, left) = written(&experiment.cluster, service, since, until).await?;
            if left == 0 || frozen.elapsed() >= TAKEOVER_TIMEOUT {
                break (all, left);
            }
            sleep(POLL_INTERVAL).await;
        };
        let took = frozen.elapsed().as_secs_f64();
        experiment.cluster.replicas.get(service, number)?.thaw();
        experiment.cause_removed();
        if all == 0 {
            done.problems.push(format!("the fault had no effect: {service} wrote no event meanwhile"));
        }
        if left > 0 {
            done.problems.push(format!("{left} of {all} events of {service} were not published within {took:.1} s"));
        }
        done.notes
            .push(format!("{service} {number}: {all} events published by another {took:.1} s after it was stopped"));
        done.times += 1;
        sleep(WRITE_TIME).await;
    }
    Ok(Injected::Done(done))
}

/// Returns the replica whose relay holds the lease.
async fn holder(cluster: &Cluster, service: &'static Service) -> anyhow::Result<usize> {
    let question = sqlx::query_scalar("select holder from leases where name = 'outbox'");
    let holder: String = question.fetch_one(cluster.sources.databases.get(service)?).await?;
    let number = holder.rsplit('-').next().and_then(|number| number.parse().ok());
    number.with_context(|| format!("{holder} is no replica of {service}"))
}

/// Returns how many events were written between two moments, and how many are unpublished.
async fn written(
    cluster: &Cluster,
    service: &'static Service,
    since: chrono::DateTime<chrono::Utc>,
    until: chrono::DateTime<chrono::Utc>,
) -> anyhow::Result<(i64, i64)> {
    let question = "select count(*), count(*) filter (where published_at is null) from outbox
        where created_at between $1 and $2";
    let counted = sqlx::query_as(question).bind(since).bind(until);
    Ok(counted.fetch_one(cluster.sources.databases.get(service)?).await?)
}
