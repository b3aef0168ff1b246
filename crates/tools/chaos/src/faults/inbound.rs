//! Orders from outside: twice, shuffled and partly invalid, or after a batch that no consumer can decompress.

use std::{collections::HashMap, time::Duration};

use anyhow::{Context as _, anyhow};
use contracts::events::ORDERS;
use outbox::Record;
use platform::kafka;
use producer::{Made, Records};
use rand::{RngExt as _, seq::SliceRandom as _};
use rdkafka::{
    ClientConfig,
    producer::{FutureProducer, FutureRecord},
};

use super::inject;
use crate::{
    experiment::{Experiment, Fault, Injected, Injection},
    topics,
    wait::until,
};

pub const FAULTS: [Fault; 2] = [
    Fault::new(
        9,
        "producer-mad",
        "orders come twice, shuffled, and a tenth of them poison, while processes of intake are killed",
        inject!(mad),
    )
    .times(5, 2)
    .holds("Each valid order is stored."),
    Fault::new(
        9,
        "batch-unreadable",
        "a zstd batch of 64 MiB in the topic of orders, which is then deleted",
        inject!(unreadable),
    )
    .holds("Only its partition waits, intake reports it, and deleting the batch ends the wait."),
];

/// The share of invalid records.
const POISON_SHARE: f64 = 0.1;
/// The decompressed size of the batch in bytes: more than twice the maximum that a consumer decompresses.
const BATCH_BYTES: usize = 64 << 20;
/// The gauge of partitions whose consumer waits at an unreadable batch.
const WAITING: &str = "kafka_unreadable_partitions";
/// Intake must report that it cannot read the batch within this time.
const REPORT_TIMEOUT: Duration = Duration::from_secs(30);
/// Intake must store all valid orders within this time.
const STORE_TIMEOUT: Duration = Duration::from_mins(1);

async fn mad(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let count: u64 = experiment.scale(5_000, 500);
    let records = Records { seed: experiment.random.random(), bad: POISON_SHARE };
    let mut made: Vec<Made> = (0..count).flat_map(|number| [records.get(number), records.get(number)]).collect();
    made.shuffle(&mut experiment.random);
    let good = i64::try_from(made.iter().filter(|made| !made.is_bad).count() / 2)?;
    let before = stored(experiment).await?;
    let (kills, count) = (experiment.times, made.len());
    for part in made.chunks(count.div_ceil(kills)) {
        send(experiment, part.iter().cloned()).await?;
        let number = experiment.random.random_range(0..experiment.cluster.replicas.count(&intake::SERVICE));
        let replica = experiment.cluster.replicas.get(&intake::SERVICE, number)?;
        replica.kill().await;
        replica.start(&[])?;
    }
    experiment.cause_removed();
    // If an invalid order has a valid one's key and arrives first, intake stores it, and dead-letters the valid one.
    until(STORE_TIMEOUT, async || Ok(stored(experiment).await? >= before + good)).await?;
    let taken = stored(experiment).await? - before;
    let mut done = Injection::at_least_one(count, "no order was sent");
    if taken < good {
        done.problems.push(format!("{taken} of {good} good orders are stored"));
    }
    done.notes.push(format!("{count} records, {taken} orders stored, {kills} kills"));
    Ok(Injected::Done(done))
}

async fn unreadable(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let orders = experiment.scale(600, 120);
    let topic = ORDERS.topic(&experiment.cluster.sources.topics).to_owned();
    let before = stored(experiment).await?;
    let (partition, offset) = publish_batch(experiment, &topic).await?;
    let records = Records { seed: experiment.random.random(), bad: 0.0 };
    send(experiment, (0..orders).map(|number| records.get(number))).await?;
    let mut done = Injection::once();
    if !waiting_partitions(experiment, |count| count > 0.0).await? {
        done.problems.push(format!("{WAITING} of intake is 0 behind a batch that cannot be read"));
    }
    let last = before + i64::try_from(orders)?;
    let limit = STORE_TIMEOUT * experiment.slack;
    if !until(limit, async || Ok(stored(experiment).await? > before)).await? {
        done.problems.push("orders in other partitions waited for the batch".to_owned());
    }
    let meanwhile = stored(experiment).await?;
    if meanwhile >= last {
        done.problems.push("the fault had no effect: no order waited behind the batch".to_owned());
    }

    kafka::delete_records(&experiment.cluster.sources.kafka, &topic, &[(partition, offset + 1)]).await?;
    experiment.cause_removed();
    if !until(limit, async || Ok(stored(experiment).await? >= last)).await? {
        done.problems.push(format!("{} of {orders} orders are stored", stored(experiment).await? - before));
    }
    if !waiting_partitions(experiment, |count| count == 0.0).await? {
        done.problems.push(format!("{WAITING} of intake is not 0 after the batch was deleted"));
    }
    done.notes.push(format!("{} of {orders} orders were stored before the batch was deleted", meanwhile - before));
    Ok(Injected::Done(done))
}

async fn send(experiment: &Experiment, orders: impl Iterator<Item = Made>) -> anyhow::Result<()> {
    let topic = ORDERS.topic(&experiment.cluster.sources.topics);
    let record = |Made { key, payload, .. }| Record { topic: topic.to_owned(), key, payload, headers: HashMap::new() };
    topics::publish(&experiment.cluster, orders.map(record).collect()).await
}

async fn stored(experiment: &Experiment) -> anyhow::Result<i64> {
    experiment.cluster.count(&intake::SERVICE, "select count(*) from orders").await
}

/// Waits until the number of partitions that wait is `like` this; returns false after a while.
async fn waiting_partitions(experiment: &Experiment, like: fn(f64) -> bool) -> anyhow::Result<bool> {
    let limit = REPORT_TIMEOUT * experiment.slack;
    until(limit, async || Ok(like(experiment.cluster.replicas.metric(&intake::SERVICE, WAITING).await?))).await
}

/// Publishes one record that compresses to a thousandth. Returns its partition and offset.
async fn publish_batch(experiment: &Experiment, topic: &str) -> anyhow::Result<(i32, i64)> {
    let producer: FutureProducer = ClientConfig::new()
        .set("bootstrap.servers", &experiment.cluster.sources.kafka.kafka_brokers)
        .set("compression.type", "zstd")
        .set("message.max.bytes", "100000000")
        .create()
        .context("making a producer")?;
    let payload = "x".repeat(BATCH_BYTES);
    let sent = producer.send(FutureRecord::to(topic).key("unreadable").payload(&payload), Duration::from_secs(10));
    let delivery = sent.await.map_err(|(error, _)| anyhow!(error).context("publishing the batch"))?;
    Ok((delivery.partition, delivery.offset))
}
