//! Task supervision, and graceful shutdown in stages that each have a time limit.
//!
//! During the drain, servers continue to serve. Then they accept no new requests, and requests in flight have
//! [`REQUESTS_TIMEOUT`] to finish. Then background tasks stop, so that the relay still publishes the events of these
//! requests. Connections to databases are closed last.

use std::time::Duration;

use anyhow::Context as _;
use base::deadline::REQUEST_TIMEOUT;
use futures::future::BoxFuture;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

/// The time limit of requests in flight after the server has stopped accepting: the maximum duration of a request.
pub const REQUESTS_TIMEOUT: Duration = REQUEST_TIMEOUT;
pub const JOBS_TIMEOUT: Duration = Duration::from_secs(3);
/// The time limit for the clean-up, such as closing connections to databases.
const CLEANUP_TIMEOUT: Duration = Duration::from_secs(1);

type Ended = (&'static str, anyhow::Result<()>);

/// The long-running tasks of one program. The first task that fails stops all others.
pub struct Tasks {
    servers: JoinSet<Ended>,
    background: JoinSet<Ended>,
    /// Cancelled to stop the servers.
    stop: CancellationToken,
    /// Cancelled once the servers have stopped.
    served: CancellationToken,
    closing: Vec<BoxFuture<'static, ()>>,
}

impl Tasks {
    /// Creates a group of tasks that stop when `stop` is cancelled or when one of them fails. A failure cancels only a
    /// child token of `stop`.
    pub fn new(stop: &CancellationToken) -> Self {
        Self {
            servers: JoinSet::new(),
            background: JoinSet::new(),
            stop: stop.child_token(),
            served: CancellationToken::new(),
            closing: Vec::new(),
        }
    }

    /// Starts a server with a token that tells it to stop. The server itself limits the duration of its shutdown.
    pub fn serve<F>(&mut self, name: &'static str, server: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let work = server(self.stop.clone());
        self.servers.spawn(async move { (name, work.await) });
    }

    /// Starts a background task with a token that is cancelled once the servers have stopped.
    pub fn spawn<F>(&mut self, name: &'static str, task: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let work = task(self.served.clone());
        self.background.spawn(async move { (name, work.await) });
    }

    /// Adds work that runs once every task has ended.
    pub fn close(&mut self, work: impl Future<Output = ()> + Send + 'static) {
        self.closing.push(Box::pin(work));
    }

    /// Waits until all tasks have ended. Aborts background tasks that still run [`JOBS_TIMEOUT`] after the servers
    /// stopped.
    pub async fn join(mut self) -> anyhow::Result<()> {
        let mut outcome = Ok(());
        while !self.servers.is_empty() || !self.background.is_empty() {
            tokio::select! {
                Some(ended) = self.servers.join_next() => note(ended, &self.stop, &mut outcome),
                Some(ended) = self.background.join_next() => note(ended, &self.stop, &mut outcome),
                () = self.stop.cancelled(), if self.servers.is_empty() => break,
            }
        }
        self.served.cancel();
        let finished = tokio::time::timeout(JOBS_TIMEOUT, async {
            while let Some(ended) = self.background.join_next().await {
                note(ended, &self.stop, &mut outcome);
            }
        });
        if finished.await.is_err() {
            tracing::warn!(tasks = self.background.len(), "tasks did not stop in time and are dropped");
        }
        self.background.abort_all();
        let _ = tokio::time::timeout(CLEANUP_TIMEOUT, futures::future::join_all(self.closing)).await;
        outcome
    }
}

/// Handles the end of a task. An error stops all tasks; the first error becomes the outcome.
fn note(ended: Result<Ended, JoinError>, stop: &CancellationToken, outcome: &mut anyhow::Result<()>) {
    let (name, result) = ended.context("a task panicked").unwrap_or_else(|error| ("task", Err(error)));
    if let Err(error) = result.with_context(|| format!("{name} failed")) {
        stop.cancel();
        if outcome.is_ok() {
            *outcome = Err(error);
        }
    }
}

/// Returns a token that SIGINT or SIGTERM cancels. A second signal ends the process at once.
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
    use edge::listener::within_bounds;
    use tokio::time::{Instant, sleep};

    use super::*;

    #[tokio::test]
    async fn a_task_that_fails_stops_the_others() {
        let mut tasks = Tasks::new(&CancellationToken::new());
        tasks.serve("server", |stop| async move {
            stop.cancelled().await;
            Ok(())
        });
        tasks.spawn("patient", |stop| async move {
            stop.cancelled().await;
            Ok(())
        });
        tasks.spawn("broken", |_| async { anyhow::bail!("no luck") });

        let error = tasks.join().await.unwrap_err();

        assert_eq!(format!("{error:#}"), "broken failed: no luck");
    }

    #[tokio::test(start_paused = true)]
    async fn background_tasks_are_told_to_stop_when_the_servers_have_and_what_is_to_be_closed_is_closed_last() {
        let stop = CancellationToken::new();
        let (events, mut seen) = tokio::sync::mpsc::unbounded_channel();
        let mut tasks = Tasks::new(&stop);
        let (served, done, closed) = (events.clone(), events.clone(), events);
        tasks.serve("server", |stop| async move {
            stop.cancelled().await;
            sleep(Duration::from_secs(9)).await;
            served.send("served")?;
            Ok(())
        });
        tasks.spawn("relay", |stop| async move {
            stop.cancelled().await;
            done.send("told to stop")?;
            sleep(Duration::from_secs(1)).await;
            done.send("published")?;
            Ok(())
        });
        tasks.close(async move {
            let _ = closed.send("closed");
        });
        stop.cancel();

        tasks.join().await.unwrap();

        let mut order = Vec::new();
        while let Some(event) = seen.recv().await {
            order.push(event);
        }
        assert_eq!(order, ["served", "told to stop", "published", "closed"]);
    }

    #[tokio::test(start_paused = true)]
    async fn each_stage_has_its_bound_and_tasks_that_end_one_after_another_do_not_prolong_it() {
        let stop = CancellationToken::new();
        let mut tasks = Tasks::new(&stop);
        let drain = Duration::from_secs(3);
        tasks.serve("deaf server", |stop| async move { within_bounds(std::future::pending(), drain, &stop).await });
        for part in 1..4 {
            tasks.spawn("slow", move |stop| async move {
                stop.cancelled().await;
                sleep(JOBS_TIMEOUT * part / 4).await;
                Ok(())
            });
        }
        tasks.spawn("deaf", |_| std::future::pending());
        tasks.close(std::future::pending());
        let start = Instant::now();
        stop.cancel();

        tasks.join().await.unwrap();

        // Timers in simulated time are exact to a few milliseconds. The total is well below the 30 s that a container
        // has to stop.
        assert_eq!(start.elapsed().as_secs(), (drain + REQUESTS_TIMEOUT + JOBS_TIMEOUT + CLEANUP_TIMEOUT).as_secs());
    }
}
