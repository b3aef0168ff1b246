//! P9: how fast a consumer processes the backlog of a stopped broker, compared with its usual rate.
//!
//! The consumer is assembly's of OrderPaid. It runs in its own process with its own topics and database, so the shop
//! never receives these events. A relay publishes them, as in the shop.

use std::{collections::HashMap, sync::Arc, time::Duration};

use anyhow::Context as _;
use contracts::events::{OrderPaid, Published as _, Topics, record, topics_of};
use outbox::{Columns, Relay, Waker};
use platform::{
    ids,
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

const TOPIC: &str = "bench.backlog";
/// The number of events per second of measurement.
const EVENTS_A_SECOND: f64 = 1_000.0;
const POLL_INTERVAL: Duration = Duration::from_millis(10);
const BACKLOG_TIMEOUT: Duration = Duration::from_mins(3);
const POOL_SIZE: u32 = 5;

struct Backlog<'a> {
    lab: &'a Lab,
    outbox: Database,
    jobs: Database,
    waker: Waker,
    count: usize,
}

pub async fn backlog(lab: &Lab) -> anyhow::Result<Vec<Row>> {
    let servers = lab.servers().await?;
    let outbox = servers.extra_database("bench_backlog", POOL_SIZE).await?;
    migrate(&outbox, &order::repository::MIGRATIONS, &CancellationToken::new()).await?;
    let own = [
        ("ASSEMBLY_DATABASE_URL", servers.extra("bench_assembly").await?),
        ("ORDER_PAID_TOPIC_NAME", TOPIC.to_owned()),
        // With the shop's group name, this process could replace the shop's assembly as a group member, and be assigned
        // partitions of the shop's topic.
        ("KAFKA_GROUP_PREFIX", "backlog-".to_owned()),
        // Only the consumer is measured, so no ship is ever built.
        ("ASSEMBLY_BUILD_MIN", "24h".to_owned()),
        ("ASSEMBLY_BUILD_MAX", "24h".to_owned()),
    ];
    let own = own.into_iter().map(|(name, value)| (name.to_owned(), value));
    let variables = own.chain(topics_of_assembly()).collect();
    let assembly = lab.apart(&[&assembly::SERVICE], variables).await?;
    let waker = Waker::default();
    let publisher = Arc::new(Traced(KafkaPublisher::for_relay(&servers.kafka()?)?));
    let source = Arc::new(outbox_of(&outbox, "backlog"));
    let topics = HashMap::from([(OrderPaid::TYPE, TOPIC.to_owned())]);
    let stop = CancellationToken::new();
    let relay = tokio::spawn(Relay::new("bench", source, publisher, topics, &waker).run(stop.clone()));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some thousands")]
    let count = (lab.effort.time.as_secs_f64() * EVENTS_A_SECOND).ceil() as usize;
    let jobs = servers.extra_database("bench_assembly", 1).await?;
    let backlog = &Backlog { lab, outbox, jobs, waker, count };
    let probes = vec![
        Probe::numerator("events a second after the broker was stopped", || backlog.after_a_stop()),
        Probe::denominator("events a second, the broker there", || backlog.steady()),
    ];
    let taken = interleave(probes, lab.effort, async || assembly.settle().await).await;
    stop.cancel();
    relay.await.context("the relay panicked")??;
    assembly.stop().await;
    let name = "events handled a second after a stop of the broker ÷ while it runs";
    let row = taken?.row("P9", name, Aim::AtLeast(0.95), &[0, 1], |round| round[0].value / round[1].value)?;
    let note =
        format!("{count} events; from the first effect to the last, so without the time until the broker is back");
    Ok(vec![row.with_notes([note])])
}

/// Returns the variables that rename the topics of assembly's own events.
fn topics_of_assembly() -> Vec<(String, String)> {
    let topics = Topics::default();
    let own = topics_of(assembly::SERVICE.name, &topics);
    let variables = topics.variables().filter(|(_, name)| own.values().any(|topic| topic == name));
    variables.map(|(variable, name)| (variable.to_owned(), format!("{TOPIC}.{name}"))).collect()
}

impl Backlog<'_> {
    async fn steady(&self) -> anyhow::Result<Sample> {
        let before = self.effects().await?;
        self.write().await?;
        self.drained(before).await
    }

    async fn after_a_stop(&self) -> anyhow::Result<Sample> {
        let before = self.effects().await?;
        let broker = &self.lab.servers().await?.broker;
        broker.stop().await.context("stopping the broker")?;
        self.write().await?;
        broker.restart().await.context("starting the broker again")?;
        self.drained(before).await
    }

    async fn write(&self) -> anyhow::Result<()> {
        let events = (0..self.count).map(|_| {
            let (order, text) = (ids::ordered(), ids::random().to_string());
            let paid = OrderPaid {
                order_uuid: order.to_string(),
                user_uuid: text.clone(),
                payment_method: "CARD".to_owned(),
                transaction_uuid: text,
                ..OrderPaid::default()
            };
            record(order, paid)
        });
        let columns: Columns = events.collect();
        let insert = "insert into outbox (event_uuid, event_type, key, payload, trace)
            select uuid, kind, key, payload, '{}'
            from unnest($1::uuid[], $2::text[], $3::uuid[], $4::bytea[]) as event (uuid, kind, key, payload)";
        let insert = sqlx::query(insert).bind(columns.uuids).bind(columns.kinds).bind(columns.keys);
        insert.bind(columns.payloads).execute(&self.outbox).await?;
        self.waker.wake();
        Ok(())
    }

    async fn effects(&self) -> anyhow::Result<usize> {
        let count: i64 = sqlx::query_scalar("select count(*) from jobs").fetch_one(&self.jobs).await?;
        Ok(usize::try_from(count)?)
    }

    /// Returns the events per second, from the first effect to the last.
    async fn drained(&self, before: usize) -> anyhow::Result<Sample> {
        let deadline = Instant::now() + BACKLOG_TIMEOUT;
        let mut first = None;
        loop {
            let (done, now) = (self.effects().await? - before, Instant::now());
            let (begun, at_first) = match (first, done) {
                (None, 0) => (now, 0),
                (None, some) => *first.insert((now, some)),
                (Some(first), _) => first,
            };
            if done >= self.count {
                anyhow::ensure!(
                    now > begun,
                    "{} events are too few to time; measure for longer (--seconds)",
                    self.count
                );
                let counted = self.count - at_first;
                return Ok(Sample::new(per_second(counted, now - begun)));
            }
            anyhow::ensure!(
                now < deadline,
                "{done} of {} events had their effect within {BACKLOG_TIMEOUT:?}",
                self.count
            );
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
}
