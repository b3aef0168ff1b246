//! An open loop of arrivals: each request is due at its time, whether or not earlier ones were answered, and its
//! latency counts from then.

use std::{panic::resume_unwind, time::Duration};

use tokio::{
    task::{JoinSet, consume_budget},
    time::{Instant, sleep_until},
};

#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    pub rate: u32,
    pub length: Duration,
}

#[derive(Clone, Debug)]
pub struct Arrival<K, T> {
    /// The kind of operation that `request` returned.
    pub kind: K,
    /// When the arrival was due, as time since the first one.
    pub due: Duration,
    /// The delay of the request after the time at which it was due.
    pub sent_late: Duration,
    /// The time from when the request was due until its end, including its wait to be sent.
    pub latency: Duration,
    /// `None` if too many operations were in flight to send the request.
    pub outcome: Option<T>,
}

impl Schedule {
    /// Returns when request `number` is due, as time since the first one; `None` after the end.
    pub fn due(self, number: u64) -> Option<Duration> {
        let nanos = u128::from(number) * Duration::from_secs(1).as_nanos() / u128::from(self.rate.max(1));
        let due = Duration::from_nanos(u64::try_from(nanos).ok()?);
        (due < self.length).then_some(due)
    }
}

/// Calls `request` for each arrival when it is due, and `done` with each finished one. `request` gets the arrival's
/// number, counted from 0, and its due time, and returns the kind and the operation. At most `most` operations are in
/// flight; further arrivals are not sent. Returns when all operations have finished.
pub async fn open_loop<K, F>(
    schedule: Schedule,
    most: usize,
    mut request: impl FnMut(u64, Instant) -> (K, F),
    mut done: impl FnMut(Arrival<K, F::Output>),
) where
    K: Send + 'static,
    F: Future<Output: Send> + Send + 'static,
{
    let begun = Instant::now();
    let mut running: JoinSet<Arrival<K, F::Output>> = JoinSet::new();
    let mut number = 0;
    while let Some(due) = schedule.due(number) {
        if Instant::now() >= begun + due {
            // A late loop yields, so that the requests it has sent make progress.
            consume_budget().await;
        } else {
            sleep_until(begun + due).await;
        }
        while let Some(ended) = running.try_join_next() {
            done(arrival(ended));
        }
        let sent_late = begun.elapsed().saturating_sub(due);
        let (kind, work) = request(number, begun + due);
        let sent = Arrival { kind, due, sent_late, latency: sent_late, outcome: None };
        if running.len() < most {
            running.spawn(async move {
                let outcome = Some(work.await);
                Arrival { latency: begun.elapsed().saturating_sub(due), outcome, ..sent }
            });
        } else {
            done(sent);
        }
        number += 1;
    }
    while let Some(ended) = running.join_next().await {
        done(arrival(ended));
    }
}

/// Returns the result of a task, or resumes its panic.
fn arrival<T>(ended: Result<T, tokio::task::JoinError>) -> T {
    ended.unwrap_or_else(|error| resume_unwind(error.into_panic()))
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    async fn collect<F>(schedule: Schedule, most: usize, request: impl Fn(Instant) -> F) -> Vec<Arrival<u64, F::Output>>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let mut all = Vec::new();
        let request = |number, due| (number, request(due));
        open_loop(schedule, most, request, |arrival| all.push(arrival)).await;
        all
    }

    #[test]
    fn arrivals_are_spread_evenly_and_do_not_drift() {
        let schedule = Schedule { rate: 3, length: 1000 * SECOND };
        let due = |number| schedule.due(number);

        assert_eq!((due(0), due(3), due(2999)), (Some(Duration::ZERO), Some(SECOND), Some(SECOND * 2999 / 3)));
        assert_eq!(due(3000), None);
        assert_eq!(Schedule { rate: 10, length: Duration::ZERO }.due(0), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_shop_that_stops_for_a_second_delays_every_request_of_that_second() {
        let begun = Instant::now();
        let stopped = begun + SECOND..begun + 2 * SECOND;

        let all = collect(Schedule { rate: 50, length: 3 * SECOND }, 1000, |_| {
            let stopped = stopped.clone();
            async move {
                if stopped.contains(&Instant::now()) {
                    sleep_until(stopped.end).await;
                }
            }
        })
        .await;

        let slow = all.iter().filter(|arrival| arrival.latency >= Duration::from_millis(500)).count();
        assert_eq!(all.len(), 150);
        assert!((24..=26).contains(&slow), "{slow} of the 50 requests of that second waited half a second or more");
    }

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_is_late_makes_no_latency_smaller() {
        let begun = Instant::now();

        let all = collect(Schedule { rate: 10, length: 2 * SECOND }, 1000, |due| async move {
            if due == begun {
                // Meanwhile the loop sends nothing, as if this program were suspended.
                tokio::time::advance(SECOND).await;
            }
        })
        .await;

        let stood_still = all.iter().filter(|arrival| arrival.due > Duration::ZERO && arrival.due < SECOND);
        let waited: Vec<bool> = stood_still
            .map(|arrival| arrival.latency.min(arrival.sent_late) >= SECOND.saturating_sub(arrival.due))
            .collect();
        assert_eq!(waited, [true; 9]);
    }

    #[tokio::test(start_paused = true)]
    async fn requests_above_the_bound_are_not_sent_and_the_others_end() {
        let all = collect(Schedule { rate: 50, length: SECOND }, 10, |_| sleep(5 * SECOND)).await;

        let unsent = all.iter().filter(|arrival| arrival.outcome.is_none()).count();
        assert_eq!((all.len(), unsent), (50, 40));
        assert!(all.iter().all(|arrival| arrival.outcome.is_none() || arrival.latency >= 5 * SECOND));
    }
}
