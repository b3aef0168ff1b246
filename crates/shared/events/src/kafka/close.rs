//! Closes a consumer within a time limit, and drops other Kafka clients outside of the runtime's threads.

use std::{
    convert::Infallible,
    sync::mpsc::{RecvTimeoutError, channel},
    thread,
    time::Duration,
};

use tokio::runtime::Handle;

/// The time limit for closing a consumer, which usually takes less than a second. Together with `STOP_TIMEOUT` of the
/// workers, it is shorter than the time in which a service stops.
pub(super) const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Drops a consumer, which commits the stored offsets and leaves the group. Blocks until the consumer is closed; at the
/// time limit it abandons the closing thread and returns false.
///
/// While librdkafka closes a consumer, it may drop the response to a rebalance unread, and then wait indefinitely for
/// the rebalance to end ([librdkafka 4884](https://github.com/confluentinc/librdkafka/issues/4884)). The consumer has
/// left its group by then.
pub(super) fn close(consumer: impl Send + 'static, timeout: Duration) -> bool {
    let (closing, closed) = channel::<Infallible>();
    // The callbacks of a rebalance need the runtime during the drop.
    let runtime = Handle::try_current().ok();
    let thread = thread::Builder::new().name("close-consumer".to_owned()).spawn(move || {
        let _closing = closing;
        let _runtime = runtime.as_ref().map(Handle::enter);
        drop(consumer);
    });
    // If no thread could be started, the closure was dropped with the consumer.
    thread.is_err() || closed.recv_timeout(timeout) == Err(RecvTimeoutError::Disconnected)
}

/// Drops a client on a blocking thread, since the drop joins the client's threads, for up to 100 ms.
pub(super) fn drop_in_background<T: Send + 'static>(client: T) {
    if let Ok(runtime) = Handle::try_current() {
        runtime.spawn_blocking(move || drop(client));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Consumer(Duration);

    impl Drop for Consumer {
        fn drop(&mut self) {
            thread::sleep(self.0);
        }
    }

    #[test]
    fn a_consumer_that_never_closes_is_left_behind_and_another_is_waited_for() {
        assert!(close(Consumer(Duration::from_millis(50)), CLOSE_TIMEOUT));
        assert!(!close(Consumer(Duration::from_mins(10)), Duration::from_millis(50)));
    }
}
