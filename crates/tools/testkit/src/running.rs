//! A service that runs beside the test.

use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Something that was started by [`run`]. Dropped, it is told to stop and not waited for.
pub struct Running {
    stop: DropGuard,
    task: JoinHandle<anyhow::Result<()>>,
}

/// Runs `work`, such as `|stop| app.run(stop)`, until the answer is dropped or [stopped](Running::stop).
pub fn run<F>(work: impl FnOnce(CancellationToken) -> F) -> Running
where
    F: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let stop = CancellationToken::new();
    let task = tokio::spawn(work(stop.clone()));
    Running { stop: stop.drop_guard(), task }
}

impl Running {
    /// Tells it to stop and waits until it has. Panics when it failed.
    pub async fn stop(self) {
        drop(self.stop);
        self.task.await.expect("what runs beside the test panicked").expect("what runs beside the test failed");
    }

    /// Ends it at once, as a crash would: nothing is finished, nothing is told.
    pub async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}
