//! Long actions of operators: the tasks that run in this process, and for each kind, one of which runs at a time, the
//! progress of the running action and the result of the last one.
//!
//! Progress and results are kept in memory. The log of actions has what each action did, and an interrupted replay
//! leaves the rest of its letters pending.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::anyhow;
use chrono::{DateTime, Utc};
use contracts::proto::operations::v1::Running;
use futures::FutureExt as _;
use platform::{clock, grpc::timestamp};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// A progress callback: what the action is doing now, how many items are done, and how many there are. Both numbers are 0
/// while the action counts none.
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

/// The action that runs, and the last one that ended. Clones share them.
pub struct Work<T>(Arc<Mutex<Now<T>>>);

#[derive(Debug)]
pub struct Now<T> {
    pub running: Option<Running>,
    pub last: Option<Arc<Ended<T>>>,
}

#[derive(Debug)]
pub struct Ended<T> {
    /// The title of the action, such as `Replaying dead letters`.
    pub title: &'static str,
    pub at: DateTime<Utc>,
    pub result: Result<T, String>,
}

/// The right to run an action of this kind. Dropping it ends the action, and lets the next one begin.
pub struct Turn<T> {
    work: Work<T>,
    title: &'static str,
    result: Option<Result<T, String>>,
}

impl<T> Clone for Work<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Default for Work<T> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Now { running: None, last: None })))
    }
}

impl<T> Work<T> {
    pub fn now(&self) -> Now<T> {
        let Now { running, last } = &*self.state();
        Now { running: running.clone(), last: last.clone() }
    }

    /// Begins an action. `None` while another one runs.
    pub fn begin(&self, title: &'static str) -> Option<Turn<T>> {
        let mut state = self.state();
        if state.running.is_some() {
            return None;
        }
        let since = Some(timestamp(clock::now()));
        state.running = Some(Running { title: title.to_owned(), since, ..Running::default() });
        Some(Turn { work: self.clone(), title, result: None })
    }

    fn state(&self) -> MutexGuard<'_, Now<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Send + Sync + 'static> Turn<T> {
    /// Returns a callback that records the progress of the action.
    pub fn progress(&self) -> OnProgress {
        let work = self.work.clone();
        Arc::new(move |step: &str, done: usize, total: usize| {
            if let Some(running) = &mut work.state().running {
                step.clone_into(&mut running.step);
                (running.done, running.total) = (done as u64, total as u64);
            }
        })
    }

    pub fn end(mut self, result: anyhow::Result<T>) {
        self.result = Some(result.map_err(|error| format!("{error:#}")));
    }
}

impl<T> Drop for Turn<T> {
    fn drop(&mut self) {
        let result = self.result.take().unwrap_or_else(|| Err("it was interrupted".to_owned()));
        let mut state = self.work.state();
        state.running = None;
        state.last = Some(Arc::new(Ended { title: self.title, at: clock::now(), result }));
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

    #[test]
    fn an_action_that_is_dropped_is_said_and_lets_the_next_one_begin() {
        let work = Work::<u32>::default();

        drop(work.begin("Counting").unwrap());

        assert_eq!(work.now().last.unwrap().result, Err("it was interrupted".to_owned()));
        assert!(work.begin("Counting").is_some());
    }
}
