//! An open loop of arrivals: a request is due at its time whether earlier ones were answered or not, and its latency counts from then.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, sleep_until},
};

use super::{
    Customers,
    request::{Kind, LIMIT},
};
use crate::measurement::Sample;

/// The most requests in flight: as many as come within their time limit, and some.
const SPARE: usize = 64;

impl Customers {
    /// Sends `rate` requests per second for so long. Returns when the last one has been answered or has run out of time.
    pub async fn arrivals(&self, length: Duration, rate: u32) -> Vec<Sample> {
        let pause = Duration::from_secs(1) / rate.max(1);
        let places = u64::from(rate) * (LIMIT.as_secs() + 1);
        open_loop(length, pause, usize::try_from(places).unwrap_or(0) + SPARE, |number| {
            let kind = Kind::of(number, rate);
            let customer = self.all[number / Kind::ROUND % self.all.len()].clone();
            (kind.name(), kind.send(self, customer))
        })
        .await
    }
}

/// Calls `request` every `pause` for `length`, however long its work takes, with at most `most` in flight.
async fn open_loop<F>(
    length: Duration,
    pause: Duration,
    most: usize,
    mut request: impl FnMut(usize) -> (&'static str, F),
) -> Vec<Sample>
where
    F: Future<Output = Result<(), String>> + Send + 'static,
{
    let (begun, places) = (Instant::now(), Arc::new(Semaphore::new(most)));
    let mut running: JoinSet<Sample> = JoinSet::new();
    let mut samples = Vec::new();
    for number in 0.. {
        let due = pause * number;
        if due >= length {
            break;
        }
        sleep_until(begun + due).await;
        let sent_late = begun.elapsed().saturating_sub(due);
        let (kind, work) = request(usize::try_from(number).unwrap_or(usize::MAX));
        let sample = Sample { kind, due, sent_late, latency: sent_late, failure: None };
        match places.clone().try_acquire_owned() {
            Ok(place) => {
                running.spawn(async move {
                    let failure = work.await.err();
                    drop(place);
                    Sample { latency: begun.elapsed().saturating_sub(due), failure, ..sample }
                });
            }
            Err(_) => samples.push(Sample { failure: Some("too many requests wait".to_owned()), ..sample }),
        }
        while let Some(Ok(sample)) = running.try_join_next() {
            samples.push(sample);
        }
    }
    while let Some(ended) = running.join_next().await {
        samples.extend(ended.ok());
    }
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_millis(20);

    #[tokio::test(start_paused = true)]
    async fn a_shop_that_stops_for_a_second_delays_every_request_of_that_second() {
        let begun = Instant::now();
        let stopped = begun + Duration::from_secs(1)..begun + Duration::from_secs(2);

        let samples = open_loop(Duration::from_secs(3), PAUSE, 1000, |_| {
            let stopped = stopped.clone();
            ("read", async move {
                if stopped.contains(&Instant::now()) {
                    sleep_until(stopped.end).await;
                }
                Ok(())
            })
        })
        .await;

        let slow = samples.iter().filter(|sample| sample.latency >= Duration::from_millis(500)).count();
        assert_eq!(samples.len(), 150);
        assert!((24..=26).contains(&slow), "{slow} of the 50 requests of that second waited half a second or more");
    }

    #[tokio::test(start_paused = true)]
    async fn requests_above_the_bound_are_failures_and_are_not_sent() {
        let samples = open_loop(Duration::from_secs(1), PAUSE, 10, |_| {
            ("read", async {
                tokio::time::sleep(Duration::from_secs(5)).await;
                Err("no answer within 5 s".to_owned())
            })
        })
        .await;

        let unsent =
            samples.iter().filter(|sample| sample.failure.as_deref() == Some("too many requests wait")).count();
        assert_eq!((samples.len(), unsent), (50, 40));
        assert!(samples.iter().all(|sample| sample.failure.is_some()));
    }
}
