//! Partitions are paused because their workers' queues are full, and reassigned to another member and back.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context as _, ensure};
use contracts::events::{OrderPaid, Published as _};
use outbox::Record;
use tokio::time::{Instant, sleep};

use super::{inject, redelivery::until_taken};
use crate::{
    cluster::{Cluster, Link},
    experiment::{Experiment, Fault, Injected, Injection},
    topics::{self, Topic},
};

pub const FAULTS: [Fault; 1] = [Fault::new(
    10,
    "partition-returns",
    "all but one process of assembly leave, join and leave while every partition of order.paid is full",
    inject!(returns),
)];

/// Records per partition: more than twice the length of a worker's queue, at which its partition is paused.
const RECORDS_PER_PARTITION: usize = 500;
/// Added latency of each round trip to assembly's database, which keeps its partitions full for minutes.
const ADDED_LATENCY: Duration = Duration::from_millis(200);
/// Every partition must have an event within this time.
const EVENTS_TIMEOUT: Duration = Duration::from_secs(30);
/// After this time, consumers have fetched published records and reassigned partitions.
const FETCH_TIME: Duration = Duration::from_secs(3);
/// After this time, the broker has noticed that a member left: its session timeout is six seconds.
const LEAVE_TIME: Duration = Duration::from_secs(9);

async fn returns(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let records = enough(&experiment.cluster).await?;
    let links = experiment.cluster.links.clone();
    let database = links.get(Link::Database(&assembly::SERVICE))?;
    database.delay(ADDED_LATENCY);
    let count = records.len();
    topics::publish(&experiment.cluster, records).await?;
    sleep(FETCH_TIME).await;
    // The partitions of processes that leave move to the process that stays. Processes that rejoin get some of these
    // partitions. When they leave again, the partitions move back.
    leave(experiment).await?;
    join(experiment)?;
    for number in 1..experiment.cluster.replicas.count(&assembly::SERVICE) {
        experiment.cluster.replicas.ready(&assembly::SERVICE, number).await?;
    }
    sleep(FETCH_TIME).await;
    leave(experiment).await?;
    database.restore();
    let fast = Instant::now();
    let topic = paid(&experiment.cluster).await?;
    // The other processes rejoin afterwards: earlier, they might be assigned exactly the paused partitions.
    let problems = until_taken(&experiment.cluster, &[topic]).await?;
    let took = fast.elapsed().as_secs_f64();
    join(experiment)?;
    // The redelivered events belong to the fault, so its cause is removed only now.
    experiment.cause_removed();
    let notes = vec![format!("{count} events came again, and were taken within {took:.1} s")];
    Ok(Injected::Done(Injection { times: 3, problems, notes, ..Injection::default() }))
}

async fn paid(cluster: &Cluster) -> anyhow::Result<Topic> {
    let all = topics::all(cluster).await?;
    all.into_iter().find(|topic| topic.route.kind == OrderPaid::TYPE).context("there is a topic of paid orders")
}

/// Returns records that fill every partition: copies of handled events, which have no effect.
async fn enough(cluster: &Cluster) -> anyhow::Result<Vec<Record>> {
    let until = Instant::now() + EVENTS_TIMEOUT;
    loop {
        let topic = paid(cluster).await?;
        let records = again(cluster, &topic).await?;
        if records.len() == RECORDS_PER_PARTITION * topic.extents.len() {
            return Ok(records);
        }
        ensure!(Instant::now() < until, "there are partitions of {} without an event", topic.name);
        sleep(Duration::from_secs(1)).await;
    }
}

/// Returns copies of each partition's events, enough to fill the partition.
async fn again(cluster: &Cluster, topic: &Topic) -> anyhow::Result<Vec<Record>> {
    let events = topics::read(cluster, vec![topic.clone()], |_, message, _| {
        let partition = message.partition;
        topics::again(message).map(|record| (partition, record))
    });
    let mut by_partition: BTreeMap<i32, Vec<Record>> = BTreeMap::new();
    for (partition, record) in events.await? {
        by_partition.entry(partition).or_default().push(record);
    }
    Ok(by_partition.into_values().flat_map(|records| records.into_iter().cycle().take(RECORDS_PER_PARTITION)).collect())
}

/// Terminates all processes of assembly except the first.
async fn leave(experiment: &mut Experiment) -> anyhow::Result<()> {
    for number in 1..experiment.cluster.replicas.count(&assembly::SERVICE) {
        experiment.cluster.replicas.get(&assembly::SERVICE, number)?.terminate().await;
    }
    sleep(LEAVE_TIME).await;
    Ok(())
}

fn join(experiment: &mut Experiment) -> anyhow::Result<()> {
    (1..experiment.cluster.replicas.count(&assembly::SERVICE))
        .try_for_each(|number| experiment.cluster.replicas.get(&assembly::SERVICE, number)?.start(&[]))
}
