//! P4: the relay's events per second, divided by the rate of the slower of its two parts alone: reading and marking the
//! outbox, or producing.

use std::{collections::HashMap, sync::Arc, time::Duration};

use anyhow::Context as _;
use outbox::{Outbox as _, Publisher as _, Record, Relay, Waker};
use platform::{
    kafka::{KafkaPublisher, Traced},
    postgres::{Database, migrate, outbox_of},
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    lab::Lab,
    report::{Aim, Row},
    rounds::{Probe, interleave},
    sample::{Sample, per_second},
};

/// How many rows the relay publishes at once.
const BATCH_SIZE: usize = 500;
/// The number of batches per second of measurement: about the throughput of a small machine.
const BATCHES_A_SECOND: f64 = 16.0;
const KIND: &str = "events.v1.OrderCreated";
const TOPIC: &str = "bench.relay";
const POLL_INTERVAL: Duration = Duration::from_millis(5);
const PUBLISH_TIMEOUT: Duration = Duration::from_mins(2);
const LEASE_TTL: Duration = Duration::from_mins(5);

struct Events {
    outbox: Database,
    publisher: KafkaPublisher,
    count: usize,
}

pub async fn relay(lab: &Lab) -> anyhow::Result<Vec<Row>> {
    lab.stop_shop().await;
    let servers = lab.servers().await?;
    let outbox = servers.extra_database("bench_outbox", order_connections()).await?;
    migrate(&outbox, &order::repository::MIGRATIONS, &CancellationToken::new()).await?;
    let publisher = KafkaPublisher::for_relay(&servers.kafka()?)?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few hundred")]
    let batches = (lab.effort.time.as_secs_f64() * BATCHES_A_SECOND).ceil().max(2.0) as usize;
    let events = Events { outbox, publisher, count: batches * BATCH_SIZE };
    // This creates the topic.
    events.publisher.publish(vec![record(0)]).await?;
    let events = &events;
    let probes = vec![
        Probe::numerator("relay", || by_relay(events)),
        Probe::denominator("outbox read and marked, without Kafka", || drain(events)),
        Probe::denominator("produce with acks=all, without the outbox", || produce(events)),
    ];
    let taken = interleave(probes, lab.effort, async || Ok(())).await?;
    let name = "events relayed a second ÷ the slower of outbox and producing alone";
    let row = taken
        .row("P4", name, Aim::AtLeast(0.8), &[0, 1, 2], |round| round[0].value / round[1].value.min(round[2].value))?;
    Ok(vec![row.with_notes([format!("{} events in batches of {BATCH_SIZE}", events.count)])])
}

fn order_connections() -> u32 {
    order::SERVICE.database.as_ref().map_or(1, |database| database.connections)
}

/// Empties the outbox and fills it again.
async fn fill(events: &Events) -> anyhow::Result<()> {
    sqlx::query("truncate outbox").execute(&events.outbox).await?;
    let insert = "insert into outbox (event_uuid, event_type, key, payload, trace)
        select gen_random_uuid(), $1, gen_random_uuid(), decode(repeat('ab', 120), 'hex'), '{}' from generate_series(1, $2)";
    sqlx::query(insert).bind(KIND).bind(i32::try_from(events.count)?).execute(&events.outbox).await?;
    Ok(())
}

async fn by_relay(events: &Events) -> anyhow::Result<Sample> {
    fill(events).await?;
    let outbox = Arc::new(outbox_of(&events.outbox, "relay"));
    let topics = HashMap::from([(KIND, TOPIC.to_owned())]);
    let publisher = Arc::new(Traced(events.publisher.clone()));
    let relay = Relay::new("bench", outbox, publisher, topics, &Waker::default());
    let stop = CancellationToken::new();
    let begun = Instant::now();
    let running = tokio::spawn(relay.run(stop.clone()));
    let waiting = "select exists (select from outbox where published_at is null)";
    while sqlx::query_scalar::<_, bool>(waiting).fetch_one(&events.outbox).await? {
        anyhow::ensure!(begun.elapsed() < PUBLISH_TIMEOUT, "the relay does not publish {} events", events.count);
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    let sample = Sample::new(per_second(events.count, begun.elapsed()));
    stop.cancel();
    running.await.context("the relay panicked")??;
    Ok(sample)
}

async fn drain(events: &Events) -> anyhow::Result<Sample> {
    fill(events).await?;
    let outbox = outbox_of(&events.outbox, "drain");
    let epoch = outbox.lease(LEASE_TTL).await?.context("the lease of the outbox is taken")?;
    let (begun, mut count) = (Instant::now(), 0);
    loop {
        let rows = outbox.unpublished(i64::try_from(BATCH_SIZE)?, &[]).await?;
        if rows.is_empty() {
            break;
        }
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        outbox.mark(epoch, &ids).await?;
        count += ids.len();
    }
    let sample = Sample::new(per_second(count, begun.elapsed()));
    anyhow::ensure!(count == events.count, "{count} of {} rows were read", events.count);
    outbox.release(epoch).await?;
    Ok(sample)
}

async fn produce(events: &Events) -> anyhow::Result<Sample> {
    let begun = Instant::now();
    for batch in 0..events.count / BATCH_SIZE {
        let records = (0..BATCH_SIZE).map(|number| record(batch * BATCH_SIZE + number)).collect();
        events.publisher.publish(records).await?;
    }
    Ok(Sample::new(per_second(events.count, begun.elapsed())))
}

/// Returns a record like those of the relay.
fn record(number: usize) -> Record {
    let uuid = format!("{number:036}");
    let headers = [("event-uuid", uuid.as_str()), ("event-type", KIND), ("content-type", "application/x-protobuf")];
    Record {
        topic: TOPIC.to_owned(),
        key: uuid.clone().into_bytes(),
        payload: vec![0xab; 120],
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
    }
}
