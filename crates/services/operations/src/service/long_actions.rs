//! Long actions of operators: the tasks that run in this process. All replicas see their progress.
//!
//! The log of actions has what each action did, and an interrupted replay leaves the rest of its letters pending.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use anyhow::anyhow;
use futures::FutureExt as _;
use platform::error_chain;
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::repository::Run;

/// The minimum time between two records of a run's progress.
const MIN_INTERVAL: Duration = Duration::from_secs(1);
/// The maximum time. A run without a record for 30 s counts as lost.
const MAX_INTERVAL: Duration = Duration::from_secs(5);

/// A progress callback: what the action is doing now, the number of items that are done, and the number of all. Both
/// numbers are 0 while the action counts none.
pub type OnProgress = Arc<dyn Fn(&str, usize, usize) + Send + Sync>;

/// The tasks of the actions. When the service stops, it interrupts them and waits until it has recorded their ends.
/// Clones share them.
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
                () = interrupt.cancelled() => Err(anyhow!("interrupted: the service stopped")),
            };
            end(result).await;
        });
    }

    /// Waits for `stop`, which comes after the last request. Then interrupts the actions, and returns once each has
    /// ended.
    pub async fn follow(self, stop: CancellationToken) -> anyhow::Result<()> {
        stop.cancelled().await;
        self.interrupt.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        Ok(())
    }
}

/// Does `work`, and records its progress. Fails if the run is lost, such as after this process was frozen.
pub async fn recorded<T, F>(run: Run, work: impl FnOnce(OnProgress) -> F) -> anyhow::Result<T>
where
    F: Future<Output = anyhow::Result<T>>,
{
    let (sender, mut progress) = watch::channel((String::new(), 0, 0));
    let on_progress: OnProgress = Arc::new(move |step: &str, done: usize, total: usize| {
        sender.send_replace((step.to_owned(), done, total));
    });
    let lost = async {
        loop {
            let (step, done, total) = progress.borrow_and_update().clone();
            match run.touch(&step, done, total).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(error = error_chain(error), "the progress of a long action was not recorded");
                }
            }
            sleep(MIN_INTERVAL).await;
            let _ = timeout(MAX_INTERVAL.saturating_sub(MIN_INTERVAL), progress.changed()).await;
        }
    };
    tokio::select! {
        biased;
        result = work(on_progress) => result,
        () = lost => Err(anyhow!("interrupted: its progress was not recorded for 30 s")),
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

        assert_eq!(seen.try_recv(), Ok(("endless", Err("interrupted: the service stopped".to_owned()))));
    }
}
