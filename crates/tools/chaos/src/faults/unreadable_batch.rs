//! An outside producer sends a batch that no consumer can decompress, and then orders.

use std::{collections::HashMap, time::Duration};

use anyhow::{Context as _, anyhow};
use contracts::events::ORDERS;
use platform::kafka::{self, Record};
use producer::Records;
use rand::RngExt as _;
use rdkafka::{
    ClientConfig,
    producer::{FutureProducer, FutureRecord},
};

use super::{inject, mad_producer::stored};
use crate::{
    experiment::{Experiment, Fault, Injected, Injection},
    topics,
    wait::until,
};

pub const FAULTS: [Fault; 1] = [Fault::new(
    9,
    "batch-unreadable",
    "a zstd batch of 64 MiB in the topic of orders, which is then deleted",
    inject!(send),
)
.holds("Only its partition waits, intake reports it, and deleting the batch ends the wait.")];

/// The decompressed size of the batch in bytes: more than twice the maximum that a consumer decompresses.
const BATCH_BYTES: usize = 64 << 20;
/// The gauge of partitions whose consumer waits at an unreadable batch.
const WAITING: &str = "kafka_unreadable_partitions";
/// How soon intake must report that it cannot read the batch, and how soon it must have stored all orders once the batch
/// is deleted.
const REPORT_TIMEOUT: Duration = Duration::from_secs(30);
const STORE_TIMEOUT: Duration = Duration::from_mins(1);

async fn send(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let orders = experiment.scale(600, 120);
    let topic = ORDERS.topic(&experiment.cluster.sources.topics).to_owned();
    let before = stored(experiment).await?;
    let (partition, offset) = publish_batch(experiment, &topic).await?;
    let records = Records { seed: experiment.random.random(), bad: 0.0 };
    let made = (0..orders).map(|number| records.get(number)).map(|made| Record {
        topic: topic.clone(),
        key: made.key,
        payload: made.payload,
        headers: HashMap::new(),
    });
    topics::publish(&experiment.cluster, made.collect()).await?;
    let mut done = Injection::once();

    let slack = experiment.slack;
    let said = until(REPORT_TIMEOUT * slack, async || {
        Ok(experiment.cluster.replicas.metric(&intake::SERVICE, WAITING).await? > 0.0)
    });
    if !said.await? {
        done.problems.push(format!("{WAITING} of intake is 0 behind a batch that cannot be read"));
    }
    let last = before + i64::try_from(orders)?;
    let others = until(STORE_TIMEOUT * slack, async || Ok(stored(experiment).await? > before));
    if !others.await? {
        done.problems.push("orders in other partitions waited for the batch".to_owned());
    }
    let meanwhile = stored(experiment).await?;
    if meanwhile >= last {
        done.problems.push("the fault had no effect: no order waited behind the batch".to_owned());
    }

    let sources = &experiment.cluster.sources;
    kafka::delete_records(&sources.kafka, &topic, &[(partition, offset + 1)]).await?;
    experiment.cause_removed();
    let all = until(STORE_TIMEOUT * slack, async || Ok(stored(experiment).await? >= last));
    if !all.await? {
        done.problems.push(format!("{} of {orders} orders are stored", stored(experiment).await? - before));
    }
    let waits = until(REPORT_TIMEOUT * slack, async || {
        Ok(experiment.cluster.replicas.metric(&intake::SERVICE, WAITING).await? == 0.0)
    });
    if !waits.await? {
        done.problems.push(format!("{WAITING} of intake is not 0 after the batch was deleted"));
    }
    done.notes.push(format!("{} of {orders} orders were stored before the batch was deleted", meanwhile - before));
    Ok(Injected::Done(done))
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
