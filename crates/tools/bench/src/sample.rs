//! The result of one measurement, and the closed loop that measures most operations.

use std::time::Duration;

use futures::future::try_join_all;
use serde::Serialize;
use tokio::time::Instant;

use crate::statistics::percentile;

/// The fewest operations of a meaningful measurement.
pub const MIN_OPERATIONS: usize = 20;
/// The largest share of failed operations; more make the measurement an error.
const MAX_FAILED_SHARE: f64 = 0.01;
/// How many latencies are kept per worker. Further operations are only counted.
const MAX_KEPT: usize = 1_000_000;
/// The share of a measurement that is warm-up and does not count.
const WARM_UP_SHARE: f64 = 0.15;

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Sample {
    /// In the unit of the probe.
    pub value: f64,
    /// Latencies in milliseconds, if single operations were timed.
    pub p50: Option<f64>,
    pub p99: Option<f64>,
    /// The number of counted operations.
    pub count: usize,
}

impl Sample {
    pub fn new(value: f64, count: usize) -> Self {
        Self { value, count, ..Self::default() }
    }

    /// Computes operations per second from `count` operations within `window`, and percentiles from latencies in
    /// microseconds. Fails if there are too few operations.
    pub fn timed(mut latencies: Vec<u32>, count: usize, window: Duration) -> anyhow::Result<Self> {
        anyhow::ensure!(
            count >= MIN_OPERATIONS,
            "{count} operations in {:.1} s are too few to tell anything, {MIN_OPERATIONS} are wanted; measure for longer (--seconds)",
            window.as_secs_f64()
        );
        latencies.sort_unstable();
        let milliseconds = |share| percentile(&latencies, share).map(|micros| f64::from(micros) / 1e3);
        Ok(Self { value: per_second(count, window), p50: milliseconds(0.5), p99: milliseconds(0.99), count })
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub fn per_second(count: usize, window: Duration) -> f64 {
    count as f64 / window.as_secs_f64()
}

/// An operation that a worker repeats.
pub trait Work: Send + 'static {
    fn once(&mut self) -> impl Future<Output = anyhow::Result<()>> + Send;
}

#[derive(Default)]
struct Done {
    latencies: Vec<u32>,
    count: usize,
    failed: usize,
    first_failure: Option<anyhow::Error>,
}

/// Lets each worker repeat its operation without pauses for `time`. If more than one operation in a hundred fails,
/// returns the first failure.
pub async fn closed_loop<W: Work>(workers: Vec<W>, time: Duration) -> anyhow::Result<Sample> {
    paced(workers, Duration::ZERO, time).await
}

/// Like [`closed_loop`], with a pause before each operation of a worker, to measure latencies on a machine with spare
/// capacity.
pub async fn paced<W: Work>(workers: Vec<W>, pause: Duration, time: Duration) -> anyhow::Result<Sample> {
    let begun = Instant::now();
    let (counted, end) = (begun + time.mul_f64(WARM_UP_SHARE), begun + time);
    let done = workers.into_iter().map(|worker| tokio::spawn(work(worker, pause, counted, end)));
    let done: Vec<Done> = try_join_all(done).await?;
    let (mut latencies, mut count, mut failed, mut failure) = (Vec::new(), 0, 0, None);
    for one in done {
        latencies.extend(one.latencies);
        count += one.count;
        failed += one.failed;
        failure = failure.or(one.first_failure);
    }
    if let Some(failure) = failure {
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        let share = failed as f64 / (failed + count).max(1) as f64;
        if share > MAX_FAILED_SHARE {
            return Err(failure.context(format!("{failed} of {} operations failed, the first", failed + count)));
        }
    }
    Sample::timed(latencies, count, end - counted)
}

async fn work<W: Work>(mut worker: W, pause: Duration, counted: Instant, end: Instant) -> Done {
    let mut done = Done::default();
    loop {
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        let begun = Instant::now();
        if begun >= end {
            return done;
        }
        let outcome = worker.once().await;
        let ended = Instant::now();
        if let Err(error) = outcome {
            done.failed += 1;
            done.first_failure.get_or_insert(error);
        } else if ended >= counted && ended <= end {
            done.count += 1;
            if done.latencies.len() < MAX_KEPT {
                done.latencies.push(u32::try_from((ended - begun).as_micros()).unwrap_or(u32::MAX));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An operation that takes 10 ms; every `fails`th one fails.
    struct Timer {
        done: usize,
        fails: usize,
    }

    impl Work for Timer {
        async fn once(&mut self) -> anyhow::Result<()> {
            tokio::time::sleep(Duration::from_millis(10)).await;
            self.done += 1;
            anyhow::ensure!(!self.done.is_multiple_of(self.fails), "no luck");
            Ok(())
        }
    }

    fn timers(count: usize, fails: usize) -> Vec<Timer> {
        (0..count).map(|_| Timer { done: 0, fails }).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn operations_within_the_window_are_counted() {
        let sample = closed_loop(timers(4, usize::MAX), Duration::from_secs(10)).await.unwrap();

        // In simulated time: 4 workers, 100 operations a second each, 8.5 s; the timer is exact to a millisecond.
        assert!((360.0..=401.0).contains(&sample.value), "{sample:?}");
        assert!(sample.p50.is_some_and(|p50| (10.0..12.0).contains(&p50)), "{sample:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_is_no_part_of_a_latency() {
        let pause = Duration::from_millis(90);

        let sample = paced(timers(4, usize::MAX), pause, Duration::from_secs(10)).await.unwrap();

        assert!((36.0..=41.0).contains(&sample.value), "{sample:?}");
        assert!(sample.p99.is_some_and(|p99| p99 < 13.0), "{sample:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn too_few_operations_are_an_error() {
        let error = closed_loop(timers(1, usize::MAX), Duration::from_millis(50)).await.unwrap_err();

        assert!(error.to_string().contains("too few"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn no_worker_is_an_error() {
        assert!(closed_loop(timers(0, 1), Duration::from_secs(1)).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn failing_operations_are_an_error_that_shows_the_first() {
        let error = closed_loop(timers(1, 10), Duration::from_secs(10)).await.unwrap_err();

        assert!(format!("{error:#}").ends_with("no luck"), "{error:#}");
        assert!(closed_loop(timers(1, 500), Duration::from_secs(10)).await.is_ok(), "one in 500 is let pass");
    }
}
