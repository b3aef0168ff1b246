//! A storm: many disturbances at once, scheduled from a seed.

mod plan;

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use self::plan::plan;
use super::{disturbance::Disturbance, inject};
use crate::experiment::{Experiment, Fault, Injected, Injection};

pub const FAULTS: [Fault; 1] =
    [Fault::new(15, "storm", "random faults of all kinds at once", inject!(storm)).lasting(600, 30)];

#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The time since the start of the storm.
    pub at: Duration,
    pub lasts: Duration,
    pub disturbance: Disturbance,
}

/// Runs the planned storm. A slow step delays later steps without changing their order.
async fn storm(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let length = experiment.lasting;
    let servers = &experiment.cluster.servers;
    let (real_broker, disk) = (servers.broker.real().is_ok(), servers.disk.is_ok());
    let events = plan(&mut experiment.random, length, experiment.cluster.replicas.count(), real_broker, disk);
    let mut steps: Vec<(Duration, bool, &Event)> =
        events.iter().flat_map(|event| [(event.at, true, event), (event.at + event.lasts, false, event)]).collect();
    // At equal times, disturbances end before others begin.
    steps.sort_by_key(|(at, begins, _)| (*at, *begins));
    let begun = Instant::now();
    let mut done = Injection { ends_sessions: true, ..Injection::default() };
    for (at, begins, event) in steps {
        sleep_until(begun + at).await;
        let (cluster, disturbance) = (&mut experiment.cluster, event.disturbance);
        let outcome = if begins { disturbance.begin(cluster).await } else { disturbance.end(cluster).await };
        if let Err(error) = outcome {
            let what = if begins { "begin" } else { "end" };
            done.problems.push(format!("`{event}` did not {what}: {error:#}"));
        }
        tracing::info!(%event, begins, late = ?(begun.elapsed().saturating_sub(at)), "storm");
        done.times += usize::from(begins);
    }
    experiment.cause_removed();
    if !real_broker {
        done.notes.push("Kafka was left alone: it is a mock".to_owned());
    }
    if !disk {
        done.notes.push("no disk was filled: PostgreSQL has none of its own".to_owned());
    }
    Ok(Injected::Done(done))
}
