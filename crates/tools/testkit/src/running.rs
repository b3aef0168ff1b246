//! A service that runs beside the test.

use std::net::SocketAddr;

use platform::server::App;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

/// A task started by [`run`]. Dropping it signals the task to stop, without waiting.
pub struct Running {
    stop: DropGuard,
    task: JoinHandle<anyhow::Result<()>>,
}

/// Runs `work`, such as `|stop| app.run(stop)`, until the handle is dropped or [stopped](Running::stop).
pub fn run<F>(work: impl FnOnce(CancellationToken) -> F) -> Running
where
    F: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let stop = CancellationToken::new();
    let task = tokio::spawn(work(stop.clone()));
    Running { stop: stop.drop_guard(), task }
}

/// Starts a service and waits until it is ready. Returns its address.
///
/// # Panics
///
/// If the service has no address.
pub async fn start(app: App) -> (SocketAddr, Running) {
    let (address, readiness) = (app.address().expect("a service listens"), app.readiness());
    let running = run(|stop| app.run(stop));
    readiness.ready().await;
    (address, running)
}

impl Running {
    /// Stops the task, and waits for it. Panics if it failed.
    pub async fn stop(self) {
        drop(self.stop);
        self.task.await.expect("what runs beside the test panicked").expect("what runs beside the test failed");
    }

    /// Aborts the task at once, like a crash.
    pub async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}
