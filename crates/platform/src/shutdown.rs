//! Starting the tasks of a program together and stopping them together, within a bound.

use std::time::Duration;

use anyhow::Context as _;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How long tasks may take to finish what they have in hand once they are told to stop.
pub const GRACE: Duration = Duration::from_secs(8);

/// The long-running tasks of one program. The first that ends with an error stops the others.
pub struct Tasks {
    set: JoinSet<(&'static str, anyhow::Result<()>)>,
    stop: CancellationToken,
}

impl Tasks {
    /// Tasks that stop when `stop` is cancelled, and that cancel a child of it when one of them fails.
    pub fn new(stop: &CancellationToken) -> Self {
        Self { set: JoinSet::new(), stop: stop.child_token() }
    }

    /// Starts a task; it gets the token that tells it to stop.
    pub fn spawn<F>(&mut self, name: &'static str, task: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let work = task(self.stop.clone());
        self.set.spawn(async move { (name, work.await) });
    }

    /// Waits until all tasks have ended. After the stop they have [`GRACE`]; what is still running then is dropped.
    pub async fn join(mut self) -> anyhow::Result<()> {
        let mut outcome = Ok(());
        // One grace for all: made anew for each task that ends, it would never be over while they end one by one.
        let mut expired = std::pin::pin!(expired(self.stop.clone()));
        loop {
            let ended = tokio::select! {
                ended = self.set.join_next() => ended,
                () = &mut expired => {
                    tracing::warn!(tasks = self.set.len(), "tasks did not stop in time and are dropped");
                    break;
                }
            };
            let Some(ended) = ended else { break };
            let (name, result) = ended.context("a task panicked").unwrap_or_else(|error| ("task", Err(error)));
            if let Err(error) = result.with_context(|| format!("{name} failed")) {
                self.stop.cancel();
                if outcome.is_ok() {
                    outcome = Err(error);
                }
            }
        }
        outcome
    }
}

async fn expired(stop: CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(GRACE).await;
}

/// A token that is cancelled by SIGINT or SIGTERM. A second signal ends the process at once.
pub fn on_signal() -> anyhow::Result<CancellationToken> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut interrupt = signal(SignalKind::interrupt()).context("listening for SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    let stop = CancellationToken::new();
    let cancelled = stop.clone();
    tokio::spawn(async move {
        let mut wait = async || tokio::select! { _ = interrupt.recv() => 130, _ = terminate.recv() => 143 };
        wait().await;
        tracing::info!("stopping");
        cancelled.cancel();
        let code = wait().await;
        std::process::exit(code);
    });
    Ok(stop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_fails_stops_the_others() {
        let mut tasks = Tasks::new(&CancellationToken::new());
        tasks.spawn("patient", |stop| async move {
            stop.cancelled().await;
            Ok(())
        });
        tasks.spawn("broken", |_| async { anyhow::bail!("no luck") });

        let error = tasks.join().await.unwrap_err();

        assert_eq!(format!("{error:#}"), "broken failed: no luck");
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_does_not_stop_is_dropped() {
        let stop = CancellationToken::new();
        let mut tasks = Tasks::new(&stop);
        tasks.spawn("deaf", |_| std::future::pending());
        stop.cancel();

        assert!(tasks.join().await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn tasks_that_end_one_after_another_do_not_prolong_the_grace() {
        let stop = CancellationToken::new();
        let mut tasks = Tasks::new(&stop);
        for part in 1..4 {
            tasks.spawn("slow", move |stop| async move {
                stop.cancelled().await;
                tokio::time::sleep(GRACE * part / 4).await;
                Ok(())
            });
        }
        tasks.spawn("deaf", |_| std::future::pending());
        let start = tokio::time::Instant::now();
        stop.cancel();

        tasks.join().await.unwrap();

        // In simulated time, whose timers are exact to a millisecond.
        assert_eq!(start.elapsed().as_secs(), GRACE.as_secs());
    }
}
