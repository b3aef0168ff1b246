//! P3: the time from a commit to its effect in the next service, compared with that of a record that is only produced
//! and consumed.

use std::{collections::HashMap, time::Duration};

use anyhow::Context as _;
use contracts::events::{OrderCancelled, group};
use drive::latencies::Latencies;
use platform::{ids, kafka::ensure_topics, postgres::Database};
use rdkafka::{
    ClientConfig, Message as _, Offset, TopicPartitionList,
    consumer::{Consumer as _, StreamConsumer},
    producer::{FutureProducer, FutureRecord},
};
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    lab::{Choice, Lab, Shop, Variant},
    report::{Aim, Role, Row, Unit},
    rounds::{Probe, interleave},
    sample::{Sample, paced},
    work::{Customer, Operation},
};

/// The number of workers that create and cancel orders, and each worker's pause: some forty orders a second leave the
/// machine mostly idle.
const WORKERS: usize = 4;
const WORKER_PAUSE: Duration = Duration::from_millis(100);
const TOPIC: &str = "bench.delay";
const EVENT_TIMEOUT: Duration = Duration::from_secs(20);
/// About as long as an event's payload.
const PAYLOAD: [u8; 120] = [0xab; 120];

pub async fn delay(lab: &Lab) -> anyhow::Result<Vec<Row>> {
    let parts = lab.parts().await?.all();
    lab.customers().await?;
    let shop = lab.shop(Variant::Usual).await?;
    let servers = lab.servers().await?;
    let kafka = servers.kafka()?;
    ensure_topics(&kafka, &[TOPIC]).await?;
    let raw = Raw::connect(&kafka.kafka_brokers, kafka.kafka_topic_partitions)?;
    let (orders, inventory) = (servers.database(&order::SERVICE)?, servers.database(&inventory::SERVICE)?);
    let (parts, shop, orders, inventory, raw, time) = (&parts, &shop, &orders, &inventory, &raw, lab.effort.time);
    let probes = vec![
        Probe::new(
            Role::Numerator,
            Unit::Milliseconds,
            "commit of OrderCancelled → effect in inventory (p50)",
            || effects(lab, shop, parts, orders, inventory),
        ),
        Probe::new(Role::Denominator, Unit::Milliseconds, "raw produce → consume (p50)", || raw.measure(time)),
    ];
    let taken = interleave(probes, lab.effort, async || lab.settle().await).await?;
    let of = |get: fn(&Sample) -> Option<f64>| {
        move |round: &[Sample]| get(&round[0]).zip(get(&round[1])).map_or(f64::NAN, |(a, b)| a / b)
    };
    let name = |p: &str| format!("commit → effect ÷ raw produce → consume, {p}");
    let note =
        "from the commit of the event to the commit of its effect, by PostgreSQL's clock; some forty orders a second";
    Ok(vec![
        taken.row("P3", name("p50"), Aim::AtMost(1.5), &[0, 1], of(|sample| sample.p50))?.with_notes([note.to_owned()]),
        // The figure of probe 0 is its p50.
        taken.row("P3", name("p99"), Aim::AtMost(2.5), &[1], of(|sample| sample.p99))?,
    ])
}

/// Creates and cancels orders, and measures the time from the commit of each event to the commit of its effect.
async fn effects(
    lab: &Lab,
    shop: &Shop,
    parts: &Choice,
    orders: &Database,
    inventory: &Database,
) -> anyhow::Result<Sample> {
    let since: i64 = sqlx::query_scalar("select coalesce(max(id), 0) from outbox").fetch_one(orders).await?;
    let cancel = Operation::Cancel(parts.clone());
    paced(Customer::workers(shop, WORKERS, &lab.customers().await?, &cancel)?, WORKER_PAUSE, lab.effort.time).await?;
    let deadline = Instant::now() + EVENT_TIMEOUT;
    // The relay changes an event's row when it marks it. The order's row tells when the event was committed: its last
    // change is the cancellation, in the event's transaction.
    let written = "select event_uuid, (extract(epoch from pg_xact_commit_timestamp(orders.xmin)) * 1e6)::bigint
        from outbox join orders on orders.uuid = outbox.key
        where event_type = 'events.v1.OrderCancelled' and outbox.id > $1";
    let written: Vec<(Uuid, i64)> = sqlx::query_as(written).bind(since).fetch_all(orders).await?;
    let uuids: Vec<Uuid> = written.iter().map(|(uuid, _)| *uuid).collect();
    loop {
        let received =
            "select event_uuid, (extract(epoch from pg_xact_commit_timestamp(xmin)) * 1e6)::bigint from inbox
            where consumer = $1 and event_uuid = any($2)";
        let received: Vec<(Uuid, i64)> = sqlx::query_as(received)
            .bind(const { group::<OrderCancelled>("inventory") })
            .bind(&uuids)
            .fetch_all(inventory)
            .await?;
        if received.len() == written.len() {
            return latencies(&written, &received.into_iter().collect(), lab.effort.time);
        }
        anyhow::ensure!(Instant::now() < deadline, "{} of {} events were received", received.len(), written.len());
        tokio::time::sleep(WORKER_PAUSE).await;
    }
}

fn latencies(written: &[(Uuid, i64)], received: &HashMap<Uuid, i64>, time: Duration) -> anyhow::Result<Sample> {
    let mut all = Latencies::default();
    let micros = |(uuid, at): &(Uuid, i64)| u64::try_from(received.get(uuid)? - at).ok();
    written.iter().filter_map(micros).for_each(|micros| all.record(Duration::from_micros(micros)));
    as_sample(&all, time)
}

fn as_sample(latencies: &Latencies, time: Duration) -> anyhow::Result<Sample> {
    let sample = Sample::timed(latencies, time)?;
    Ok(Sample { value: sample.p50.context("no latency was measured")?, ..sample })
}

/// A producer and a consumer without code of the services.
struct Raw {
    producer: FutureProducer,
    consumer: StreamConsumer,
}

impl Raw {
    fn connect(brokers: &str, partitions: i32) -> anyhow::Result<Self> {
        let client = |settings: &[(&str, &str)]| {
            let mut client = ClientConfig::new();
            client.set("bootstrap.servers", brokers).set("socket.nagle.disable", "true");
            for (name, value) in settings {
                client.set(*name, *value);
            }
            client
        };
        let producer = client(&[("acks", "all"), ("enable.idempotence", "true"), ("linger.ms", "0")]).create()?;
        let consumer: StreamConsumer = client(&[("group.id", TOPIC), ("enable.auto.commit", "false")]).create()?;
        let mut assignment = TopicPartitionList::new();
        for partition in 0..partitions {
            assignment.add_partition_offset(TOPIC, partition, Offset::End)?;
        }
        consumer.assign(&assignment)?;
        Ok(Self { producer, consumer })
    }

    /// Produces and consumes records one by one, at the pace of the orders.
    async fn measure(&self, time: Duration) -> anyhow::Result<Sample> {
        // The first fetch of each partition is slow.
        for _ in 0..WORKERS * 4 {
            self.one().await?;
        }
        let begun = Instant::now();
        let mut latencies = Latencies::default();
        while begun.elapsed() < time {
            #[expect(clippy::cast_possible_truncation, reason = "a handful")]
            tokio::time::sleep(WORKER_PAUSE / WORKERS as u32).await;
            latencies.record(self.one().await?);
        }
        as_sample(&latencies, begun.elapsed())
    }

    /// Produces one record. Returns how long it takes until it is consumed.
    async fn one(&self) -> anyhow::Result<Duration> {
        let key = ids::random().to_string();
        let begun = Instant::now();
        let record = FutureRecord::to(TOPIC).key(&key).payload(&PAYLOAD);
        let sent = self.producer.send_result(record).map_err(|(error, _)| error)?;
        loop {
            let received = tokio::time::timeout(EVENT_TIMEOUT, self.consumer.recv()).await;
            let received = received.context("a record was not consumed")??;
            if received.key() == Some(key.as_bytes()) {
                let took = begun.elapsed();
                sent.await?.map_err(|(error, _)| error)?;
                return Ok(took);
            }
        }
    }
}
