//! Rows that fall due, and the work on each of them.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use base::outage::Outage;
use futures::{FutureExt as _, Stream, StreamExt as _, stream};
use store::postgres::count_skipped_row;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::caught;
use crate::telemetry;

/// How often a job asks its table for due rows, unless it is woken earlier.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Streams the rows of a table as they fall due, until `stop`. `task` names the job in the log.
///
/// `take` returns the next due rows and leases them to this replica, so that every replica may run the job. After it
/// returned rows, it is called again at once; otherwise after a second, or when `wake` is notified. Consecutive
/// failures are logged as one outage.
pub fn due<T, E, F>(
    task: &'static str,
    take: impl Fn() -> F,
    wake: Arc<Notify>,
    stop: CancellationToken,
) -> impl Stream<Item = T>
where
    E: Into<anyhow::Error>,
    F: Future<Output = Result<Vec<T>, E>>,
{
    let outage = Outage::new("PostgreSQL", task);
    stream::unfold((take, wake, stop, outage), |(take, wake, stop, mut outage)| async move {
        while !stop.is_cancelled() {
            // The closure runs inside, since it may panic, too.
            match caught(async { take().await }).await {
                Ok(due) => {
                    outage.over();
                    if !due.is_empty() {
                        return Some((stream::iter(due), (take, wake, stop, outage)));
                    }
                }
                Err(error) => outage.met(format!("{error:#}")),
            }
            tokio::select! {
                // `biased`, because the simulation must reproduce a run exactly from its seed, and tokio would
                // otherwise choose randomly among ready branches.
                biased;
                () = stop.cancelled() => {}
                () = wake.notified() => {}
                () = tokio::time::sleep(POLL_INTERVAL) => {}
            }
        }
        None
    })
    .flatten()
}

/// Handles the rows of `due`, at most `concurrent` at a time, each in a span `name` of its own. A panic, which the
/// panic hook has logged, concerns its row alone, which falls due again after its lease.
pub async fn for_each<T, F>(due: impl Stream<Item = T>, concurrent: usize, name: &'static str, handle: impl Fn(T) -> F)
where
    F: Future<Output = ()>,
{
    due.for_each_concurrent(concurrent, |row| {
        let handled = AssertUnwindSafe(handle(row)).catch_unwind();
        let caught = async move {
            if handled.await.is_err() {
                count_skipped_row();
                tracing::error!(task = name, "handling a row panicked, retrying");
            }
        };
        caught.instrument(telemetry::job_span(name))
    })
    .await;
}

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        sync::{Mutex, PoisonError},
    };

    use tokio::time::Instant;

    use super::*;

    type Taken = Result<Vec<u32>, anyhow::Error>;

    /// Returns a `take` that yields these results in order, and then no rows.
    fn table(results: Vec<Taken>) -> impl Fn() -> std::future::Ready<Taken> {
        let results = Mutex::new(results.into_iter());
        move || {
            let next = results.lock().unwrap_or_else(PoisonError::into_inner).next();
            std::future::ready(next.unwrap_or_else(|| Ok(Vec::new())))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn due_rows_follow_at_once_and_a_table_without_any_is_asked_each_second_and_when_it_is_told() {
        let (begun, wake) = (Instant::now(), Arc::new(Notify::new()));
        let (away, nothing) = (Err(anyhow::anyhow!("away")), || Ok(Vec::new()));
        let results = vec![Ok(vec![1, 2]), Ok(vec![3]), away, nothing(), Ok(vec![4]), nothing(), Ok(vec![5])];
        let mut rows = pin!(due("test", table(results), wake.clone(), CancellationToken::new()));

        for (row, seconds) in [(1, 0), (2, 0), (3, 0), (4, 2)] {
            assert_eq!((rows.next().await, begun.elapsed()), (Some(row), seconds * POLL_INTERVAL));
        }
        wake.notify_one();
        assert_eq!((rows.next().await, begun.elapsed()), (Some(5), 2 * POLL_INTERVAL));
    }

    #[tokio::test(start_paused = true)]
    async fn a_job_that_is_stopped_takes_nothing_more() {
        let stop = CancellationToken::new();
        let mut rows = pin!(due("test", table(vec![Ok(vec![1]), Ok(vec![2])]), Arc::default(), stop.clone()));

        assert_eq!(rows.next().await, Some(1));
        stop.cancel();

        assert_eq!(rows.next().await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_fails_its_row_and_the_others_are_handled() {
        let handled = Mutex::new(Vec::new());
        for_each(stream::iter([1, 2, 3]), 2, "test", |row| {
            let handled = &handled;
            async move {
                assert!(row != 2, "the second row panics");
                handled.lock().unwrap().push(row);
            }
        })
        .await;

        assert_eq!(handled.into_inner().unwrap(), [1, 3]);
    }
}
