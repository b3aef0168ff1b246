//! Sends records in batches, at the wanted rate, behind a progress bar.

use std::{collections::HashMap, io::IsTerminal as _, time::Duration};

use anyhow::Context as _;
use contracts::events::Topics;
use indicatif::{ProgressBar, ProgressStyle};
use platform::{
    config::Settings,
    kafka::{Config, KafkaPublisher, Record},
    outbox::Publisher as _,
};
use tokio::time::{Instant, MissedTickBehavior};

use crate::{
    Arguments,
    records::{Made, Records, of_file},
};

/// The number of records sent together, unless the rate is lower.
const BATCH: u64 = 500;
/// The number of batches per second, if the rate is higher.
const TICKS_PER_SECOND: u64 = 10;
/// How long the broker may take for a batch.
const LIMIT: Duration = Duration::from_secs(30);

/// Sends the records that the arguments describe, and prints their number.
pub async fn run(arguments: &Arguments, settings: &Settings) -> anyhow::Result<()> {
    let topics: Topics = settings.read()?;
    let publisher = KafkaPublisher::within(&Config::load(settings)?, LIMIT)?;
    let topic = topics.intake_topic_name;
    let source = Source::of(arguments)?;
    let bar = progress(source.count());
    let batch = arguments.rate.map_or(BATCH, |rate| (u64::from(rate) / TICKS_PER_SECOND).clamp(1, BATCH));
    let mut ticks = arguments.rate.map(|rate| {
        let mut ticks = tokio::time::interval(tick(batch, rate));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks
    });
    let (begun, mut bad, mut next) = (Instant::now(), 0, 0);
    while next < source.count() {
        if let Some(ticks) = &mut ticks {
            ticks.tick().await;
        }
        let end = (next + batch).min(source.count());
        let made: Vec<Made> = (next..end).filter_map(|number| source.get(number)).collect();
        bad += made.iter().filter(|made| made.is_bad).count();
        let records = made.into_iter().map(|made| Record {
            topic: topic.clone(),
            key: made.key,
            payload: made.payload,
            headers: HashMap::new(),
        });
        publisher.publish(records.collect()).await.with_context(|| format!("sending to {topic}"))?;
        next = end;
        bar.set_position(next);
    }
    bar.finish_and_clear();
    let seconds = begun.elapsed().as_secs_f64();
    println!("{next} orders sent to {topic}, {bad} of them bad, in {seconds:.2} s");
    Ok(())
}

/// Returns the duration of a batch at this rate.
#[expect(clippy::cast_precision_loss, reason = "batches are small")]
fn tick(batch: u64, rate: u32) -> Duration {
    Duration::from_secs_f64(batch as f64 / f64::from(rate))
}

/// The source of the records.
enum Source {
    Made(Records, u64),
    File(Vec<Made>),
}

impl Source {
    fn of(arguments: &Arguments) -> anyhow::Result<Self> {
        let Arguments { count, seed, bad, file, .. } = arguments;
        let Some(path) = file else { return Ok(Self::Made(Records { seed: *seed, bad: *bad }, *count)) };
        let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        Ok(Self::File(of_file(&text)))
    }

    fn count(&self) -> u64 {
        match self {
            Self::Made(_, count) => *count,
            Self::File(records) => records.len() as u64,
        }
    }

    fn get(&self, number: u64) -> Option<Made> {
        match self {
            Self::Made(records, _) => Some(records.get(number)),
            Self::File(records) => records.get(usize::try_from(number).ok()?).cloned(),
        }
    }
}

fn progress(count: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{elapsed:>6} {wide_bar} {pos} of {len} orders, {per_sec}, {eta} left");
    ProgressBar::new(count).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
