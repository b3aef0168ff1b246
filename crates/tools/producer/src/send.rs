//! Sends records in batches at the given rate.

use std::{collections::HashMap, time::Duration};

use anyhow::Context as _;
use contracts::events::{ORDERS, Topics};
use outbox::{Publisher as _, Record};
use platform::{
    config::Settings,
    kafka::{Config, KafkaPublisher},
};
use tokio::time::{Instant, MissedTickBehavior};

use crate::{
    Arguments,
    records::{Made, Records, of_file},
};

/// The largest batch. Below 5 000 records a second, batches are smaller: see [`TICKS_PER_SECOND`].
const MAX_BATCH_SIZE: u64 = 500;
/// The number of batches that are sent per second, at a rate that gives batches of 1 to [`MAX_BATCH_SIZE`] records.
const TICKS_PER_SECOND: u64 = 10;
/// The broker inside the one process (librdkafka's mock cluster) keeps 5 MB per partition, some 30 000 orders, and
/// drops older ones even unread. So the producer sends only [`MAX_MOCK_RATE`] orders a second if there are more than
/// this number.
const MOCK_CAPACITY: u64 = 20_000;
/// Orders per second. Intake stored at least 5 600 a second from this broker (release build, two cores, 2026-11-23).
const MAX_MOCK_RATE: u32 = 1_000;
/// The broker must acknowledge a batch within this time.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(30);

/// Sends the records that the arguments describe, and prints their number.
pub async fn run(arguments: &Arguments, settings: &Settings) -> anyhow::Result<()> {
    let topics: Topics = settings.read()?;
    // intake creates its topic. Outside programs, such as the user `outside` of the containers' broker, may only write
    // to it.
    let settings = settings.clone().or("KAFKA_CREATE_TOPICS", "false");
    let publisher = KafkaPublisher::within(&Config::load(&settings)?, PUBLISH_TIMEOUT)?;
    let topic = ORDERS.topic(&topics).to_owned();
    let (count, mut source) = source(arguments)?;
    let rate = rate(arguments, &settings, count);
    if rate != arguments.rate {
        eprintln!("the shop's own broker keeps some 30000 orders: sending {MAX_MOCK_RATE} a second; --rate changes it");
    }
    let batch = rate.map_or(MAX_BATCH_SIZE, |rate| (u64::from(rate) / TICKS_PER_SECOND).clamp(1, MAX_BATCH_SIZE));
    let mut ticks = rate.map(|rate| {
        let mut ticks = tokio::time::interval(tick(batch, rate));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks
    });
    let (begun, mut bad, mut sent) = (Instant::now(), 0, 0);
    while sent < count {
        if let Some(ticks) = &mut ticks {
            ticks.tick().await;
        }
        let made: Vec<Made> = source.by_ref().take(usize::try_from(batch)?).collect();
        sent += made.len() as u64;
        bad += made.iter().filter(|made| made.is_bad).count();
        let records = made.into_iter().map(|made| Record {
            topic: topic.clone(),
            key: made.key,
            payload: made.payload,
            headers: HashMap::new(),
        });
        publisher.publish(records.collect()).await.with_context(|| format!("sending to {topic}"))?;
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!("{sent} orders sent to {topic}, {bad} of them bad, in {seconds:.2} s");
    Ok(())
}

/// Returns the rate in the arguments, or else [`MAX_MOCK_RATE`] if the broker cannot keep `count` orders.
fn rate(arguments: &Arguments, settings: &Settings, count: u64) -> Option<u32> {
    // This variable is set only for the broker inside the one process.
    let is_mock = settings.get("KAFKA_LOG_SINCE").is_some();
    arguments.rate.or((is_mock && count > MOCK_CAPACITY).then_some(MAX_MOCK_RATE))
}

/// Returns the duration of a batch at this rate.
#[expect(clippy::cast_precision_loss, reason = "batches are small")]
fn tick(batch: u64, rate: u32) -> Duration {
    Duration::from_secs_f64(batch as f64 / f64::from(rate))
}

/// Returns the number of records that the arguments describe, and the records.
fn source(arguments: &Arguments) -> anyhow::Result<(u64, Box<dyn Iterator<Item = Made> + Send>)> {
    let Arguments { count, seed, bad, file, .. } = arguments;
    let Some(path) = file else {
        let records = Records { seed: *seed, bad: *bad };
        return Ok((*count, Box::new((0..*count).map(move |number| records.get(number)))));
    };
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let records = of_file(&text);
    Ok((records.len() as u64, Box::new(records.into_iter())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_orders_than_the_shops_own_broker_keeps_are_sent_slowly() {
        let arguments = |rate| Arguments { count: 1, rate, seed: 1, bad: 0.0, file: None };
        let mock = Settings::from_variables([("KAFKA_LOG_SINCE", "2026-01-01T00:00:00Z".to_owned())]);

        assert_eq!(rate(&arguments(None), &mock, MOCK_CAPACITY), None);
        assert_eq!(rate(&arguments(None), &mock, MOCK_CAPACITY + 1), Some(MAX_MOCK_RATE));
        assert_eq!(rate(&arguments(Some(5_000)), &mock, MOCK_CAPACITY + 1), Some(5_000));
        assert_eq!(rate(&arguments(None), &Settings::from_variables([]), 1_000_000), None);
    }
}
