//! A relay is frozen while it holds the lease: another takes over, and the frozen one must be fenced off when it
//! resumes.

use std::time::Duration;

use platform::clock;
use tokio::time::{Instant, sleep};

use super::inject;
use crate::{
    cluster::Cluster,
    experiment::{Experiment, Fault, Injected, Injection},
};
use platform::server::service::Service;

pub const FAULTS: [Fault; 1] = [Fault::new(
    10,
    "relay-frozen",
    "the process that holds the relay lease is frozen, in order, assembly and delivery",
    inject!(freeze),
)
.holds("Another process publishes within 10 s.")];

/// How long events are written while the relay is frozen.
const WRITE_TIME: Duration = Duration::from_secs(3);
/// How soon another relay must have published these events.
const TAKEOVER_TIMEOUT: Duration = Duration::from_secs(10);
const POLL_INTERVAL: Duration = Duration::from_millis(100);

async fn freeze(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let mut done = Injection::default();
    for service in [&order::SERVICE, &assembly::SERVICE, &delivery::SERVICE] {
        let number = experiment.cluster.holder(service, "outbox").await?;
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
            done.idle.push(format!("{service} wrote no event meanwhile"));
        }
        if left > 0 {
            done.problems.push(format!("{left} of {all} events of {service} were not published within {took:.1} s"));
        }
        done.notes
            .push(format!("{service} {number}: {all} events published by another {took:.1} s after it was stopped"));
        done.times += usize::from(all > 0);
        sleep(WRITE_TIME).await;
    }
    Ok(Injected::Done(done))
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
