//! A time limit that counts only time in which this process is scheduled.
//!
//! On an overloaded machine, a process may not be scheduled for longer than the limit. Then both the response and the
//! end of the limit are ready, and `tokio::time::timeout` may report a silent peer.

use std::{pin::pin, time::Duration};

use tokio::{select, time::sleep};

/// A tick counts as this much time, however long it really took.
const TICK: Duration = Duration::from_millis(25);

/// There was no response, although this process was scheduled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Silent;

/// Waits for `answer` for at most `limit`, rounded up to ticks of 25 ms. Time in which this process was not scheduled
/// does not count.
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

    const TIMEOUT: Duration = Duration::from_millis(100);

    #[tokio::test(start_paused = true)]
    async fn silence_ends_with_the_limit() {
        let start = Instant::now();

        assert_eq!(within_scheduled(TIMEOUT, pending::<()>()).await, Err(Silent));
        assert_eq!(within_scheduled(TIMEOUT, ready(7)).await, Ok(7));

        // Timers of tokio may be a millisecond late.
        assert!((TIMEOUT..TIMEOUT + 2 * TICK).contains(&start.elapsed()), "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn time_in_which_the_process_does_not_run_counts_as_one_tick() {
        let (send, receive) = oneshot::channel();
        let waiting = tokio::spawn(within_scheduled(TIMEOUT, receive));
        yield_now().await;

        advance(10 * TIMEOUT).await;
        send.send(7).unwrap();

        assert_eq!(waiting.await.unwrap(), Ok(Ok(7)));
    }
}
