//! The long actions that run in this process. When the service stops, it interrupts them and waits until it has
//! recorded their ends.

use std::panic::AssertUnwindSafe;

use anyhow::anyhow;
use futures::FutureExt as _;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Clones share the actions.
#[derive(Clone, Default)]
pub struct LongActions {
    tasks: TaskTracker,
    interrupt: CancellationToken,
}

impl LongActions {
    /// Runs `work` as a task, then `end` with its result, which is an error if the work was interrupted or panicked.
    pub fn spawn<T, E>(
        &self,
        work: impl Future<Output = anyhow::Result<T>> + Send + 'static,
        end: impl FnOnce(anyhow::Result<T>) -> E + Send + 'static,
    ) where
        T: Send + 'static,
        E: Future<Output = ()> + Send + 'static,
    {
        let interrupt = self.interrupt.clone();
        self.tasks.spawn(async move {
            let result = tokio::select! {
                // Work that has ended counts as ended, even if the service stops at the same time.
                biased;
                result = AssertUnwindSafe(work).catch_unwind() => {
                    result.unwrap_or_else(|_| Err(anyhow!("interrupted: it panicked")))
                }
                () = interrupt.cancelled() => Err(anyhow!("interrupted: the console stopped")),
            };
            end(result).await;
        });
    }

    /// Waits for `stop`, which comes after the last request. Then interrupts the actions, and returns once each has ended.
    pub async fn follow(self, stop: CancellationToken) -> anyhow::Result<()> {
        stop.cancelled().await;
        self.interrupt.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn an_action_that_panics_ends_and_a_stop_waits_for_the_ends_of_all() {
        let (actions, stop) = (LongActions::default(), CancellationToken::new());
        let (ends, mut seen) = mpsc::unbounded_channel();
        let end = |name: &'static str| {
            let ends = ends.clone();
            move |result: anyhow::Result<u32>| async move {
                tokio::task::yield_now().await;
                ends.send((name, result.map_err(|error| error.to_string()))).unwrap();
            }
        };

        actions.spawn(async { Ok(1) }, end("done"));
        assert_eq!(seen.recv().await, Some(("done", Ok(1))));
        actions.spawn(async { panic!("a defect") }, end("broken"));
        assert_eq!(seen.recv().await, Some(("broken", Err("interrupted: it panicked".to_owned()))));
        actions.spawn(std::future::pending(), end("endless"));
        stop.cancel();
        actions.follow(stop).await.unwrap();

        assert_eq!(seen.try_recv(), Ok(("endless", Err("interrupted: the console stopped".to_owned()))));
    }
}
