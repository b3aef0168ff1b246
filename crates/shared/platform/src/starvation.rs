//! A time limit that counts only time in which this process runs.
//!
//! On an overloaded machine, a process may not be scheduled for longer than the limit; when it runs again, both the answer and the end of
//! the limit are there. `tokio::time::timeout` then reports a silent peer, although only this process was absent.

use std::{pin::pin, time::Duration};

use tokio::{select, time::sleep};

/// What is waited for at once. However long it really took, it counts as this much.
const TICK: Duration = Duration::from_millis(25);

/// `limit` passed while this process ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Silent;

/// Waits for `answer` for `limit`, rounded up to ticks of 25 ms; longer, by the time in which this process was not scheduled.
pub async fn within_scheduled<T>(limit: Duration, answer: impl Future<Output = T>) -> Result<T, Silent> {
    let mut answer = pin!(answer);
    for _ in 0..limit.as_millis().div_ceil(TICK.as_millis()) {
        select! {
            biased;
            answer = &mut answer => return Ok(answer),
            () = sleep(TICK) => {}
        }
    }
    Err(Silent)
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use tokio::{
        sync::oneshot,
        task::yield_now,
        time::{Instant, advance},
    };

    use super::*;

    const LIMIT: Duration = Duration::from_millis(100);

    #[tokio::test(start_paused = true)]
    async fn silence_ends_with_the_limit() {
        let start = Instant::now();

        assert_eq!(within_scheduled(LIMIT, pending::<()>()).await, Err(Silent));
        assert_eq!(within_scheduled(LIMIT, ready(7)).await, Ok(7));

        // A timer of tokio may be a millisecond late.
        assert!((LIMIT..LIMIT + 2 * TICK).contains(&start.elapsed()), "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn time_in_which_the_process_does_not_run_counts_as_one_tick() {
        let (send, receive) = oneshot::channel();
        let waiting = tokio::spawn(within_scheduled(LIMIT, receive));
        yield_now().await;

        advance(10 * LIMIT).await;
        send.send(7).unwrap();

        assert_eq!(waiting.await.unwrap(), Ok(Ok(7)));
    }
}
