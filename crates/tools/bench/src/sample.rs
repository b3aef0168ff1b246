//! The result of one measurement, and the closed loop that measures most operations.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use drive::{
    account::Failure,
    latencies::{Latencies, milliseconds},
    tally::Tally,
};
use futures::future::try_join_all;
use tokio::time::Instant;

/// The fewest operations of a meaningful measurement.
const MIN_OPERATIONS: u64 = 20;
/// The largest share of failed operations; more make the measurement an error.
const MAX_FAILED_SHARE: f64 = 0.01;
/// The share of a measurement that is warm-up and does not count.
const WARM_UP_SHARE: f64 = 0.15;

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sample {
    /// In the unit of the probe.
    pub value: f64,
    /// Latencies in milliseconds, if single operations were timed.
    pub p50: Option<f64>,
    pub p99: Option<f64>,
}

impl Sample {
    pub fn new(value: f64) -> Self {
        Self { value, ..Self::default() }
    }

    /// Returns the operations per second within `window`, and percentiles of their latencies. Fails if there are too
    /// few operations.
    pub fn timed(latencies: &Latencies, window: Duration) -> anyhow::Result<Self> {
        let count = latencies.count();
        anyhow::ensure!(
            count >= MIN_OPERATIONS,
            "{count} operations in {:.1} s are too few to tell anything, {MIN_OPERATIONS} are wanted; measure for longer (--seconds)",
            window.as_secs_f64()
        );
        let at = |permille| latencies.permille(permille).map(milliseconds);
        Ok(Self { value: per_second(usize::try_from(count)?, window), p50: at(500), p99: at(990) })
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub fn per_second(count: usize, window: Duration) -> f64 {
    count as f64 / window.as_secs_f64()
}

/// An operation that a worker repeats.
pub trait Work: Send + 'static {
    fn once(&mut self) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// Lets each worker repeat its operation without pauses for `time`. Fails if more than one operation in a hundred
/// fails.
pub async fn closed_loop<W: Work>(workers: Vec<W>, time: Duration) -> anyhow::Result<Sample> {
    paced(workers, Duration::ZERO, time).await
}

/// Like [`closed_loop`], with a pause before each operation of a worker, to measure latencies on a machine with spare
/// capacity.
pub async fn paced<W: Work>(workers: Vec<W>, pause: Duration, time: Duration) -> anyhow::Result<Sample> {
    let begun = Instant::now();
    let (counted, end) = (begun + time.mul_f64(WARM_UP_SHARE), begun + time);
    let tally = Arc::new(Mutex::new(Tally::default()));
    let working = workers.into_iter().map(|worker| tokio::spawn(work(worker, pause, counted, end, tally.clone())));
    try_join_all(working).await?;
    let tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
    anyhow::ensure!(
        tally.error_rate() <= MAX_FAILED_SHARE,
        "{} of {} operations failed: {}",
        tally.failed,
        tally.operations,
        tally.reasons().join(", ")
    );
    Sample::timed(&tally.latencies, end - counted)
}

async fn work<W: Work>(mut worker: W, pause: Duration, counted: Instant, end: Instant, tally: Arc<Mutex<Tally>>) {
    loop {
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        let begun = Instant::now();
        if begun >= end {
            return;
        }
        let failure = worker.once().await.err();
        let ended = Instant::now();
        if failure.is_some() || (ended >= counted && ended <= end) {
            tally.lock().unwrap_or_else(PoisonError::into_inner).record(ended - begun, failure);
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
        async fn once(&mut self) -> Result<(), Failure> {
            tokio::time::sleep(Duration::from_millis(10)).await;
            self.done += 1;
            if self.done.is_multiple_of(self.fails) { Err(Failure::Borrowed("no luck")) } else { Ok(()) }
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
    async fn failing_operations_are_an_error_that_shows_why() {
        let error = closed_loop(timers(1, 10), Duration::from_secs(10)).await.unwrap_err();

        assert!(format!("{error:#}").ends_with("no luck"), "{error:#}");
        assert!(closed_loop(timers(1, 500), Duration::from_secs(10)).await.is_ok(), "one in 500 is let pass");
    }
}
