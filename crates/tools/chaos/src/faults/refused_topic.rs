//! The broker refuses every record of one topic. Events of other topics are published meanwhile, and those of this
//! topic afterwards.

use std::time::Duration;

use anyhow::Context as _;
use contracts::events::OrderCancelled;
use tokio::time::sleep;

use super::inject;
use crate::{
    experiment::{Experiment, Fault, Injected, Injection},
    topics,
};

pub const FAULTS: [Fault; 1] =
    [Fault::new(3, "topic-refused", "the broker refuses the records of order.cancelled", inject!(refuse))
        .lasting(20, 8)
        .holds("All other topics are published.")];

/// The record size limits, in bytes, with which a topic refuses every record or none.
const LIMITS: (u32, u32) = (1, 4_000_000);
/// Records sent before the refusal may be in flight for this long.
const IN_FLIGHT_TIME: Duration = Duration::from_secs(2);

async fn refuse(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let topic = experiment.cluster.sources.topics.of::<OrderCancelled>().to_owned();
    if let Err(reason) = experiment.cluster.servers.broker.real() {
        return Ok(Injected::Skipped(reason));
    }
    limit(experiment, &topic, LIMITS.0).await?;
    sleep(IN_FLIGHT_TIME).await;
    let before = records(experiment, &topic).await?;
    sleep(experiment.lasting).await;
    let after = records(experiment, &topic).await;
    limit(experiment, &topic, LIMITS.1).await?;
    experiment.cause_removed();
    let (refused, others) = after?;
    let (refused, others) = (refused - before.0, others - before.1);
    let mut done = Injection::once();
    if refused > 0 {
        done.problems.push(format!("the fault had no effect: {refused} records of {topic} were accepted"));
    }
    if others == 0 {
        done.problems.push(format!("no event of another topic was published while {topic} was refused"));
    }
    done.notes.push(format!("{others} records of other topics were published while {topic} was refused"));
    Ok(Injected::Done(done))
}

async fn limit(experiment: &Experiment, topic: &str, bytes: u32) -> anyhow::Result<()> {
    let broker = experiment.cluster.servers.broker.real().map_err(anyhow::Error::msg)?;
    broker.limit_records(topic, bytes).await.with_context(|| format!("limiting the records of {topic}"))
}

/// Returns the number of records of this topic and of all others together.
async fn records(experiment: &Experiment, topic: &str) -> anyhow::Result<(i64, i64)> {
    let mut counts = (0, 0);
    for one in topics::all(&experiment.cluster).await? {
        let count: i64 = one.extents.iter().map(|extent| extent.end - extent.start).sum();
        *if one.name == topic { &mut counts.0 } else { &mut counts.1 } += count;
    }
    Ok(counts)
}
