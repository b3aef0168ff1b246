//! Restarts a server that exits by itself. Meanwhile the services treat it like any unavailable server.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// The pause after a failed start.
const RESTART_DELAY: Duration = Duration::from_secs(1);

/// Keeps `server` running until `done`. Returns the last instance.
pub async fn supervise<S>(
    name: &'static str,
    server: Option<S>,
    ended: impl AsyncFn(&S),
    start: impl AsyncFn() -> anyhow::Result<Option<S>>,
    done: &CancellationToken,
) -> Option<S> {
    let mut server = server?;
    loop {
        tokio::select! {
            () = ended(&server) => {}
            () = done.cancelled() => return Some(server),
        }
        tracing::warn!(server = name, "server exited unexpectedly; restarting");
        // The old instance holds the lock on the data.
        drop(server);
        server = loop {
            match start().await {
                Ok(Some(started)) => break started,
                Ok(None) => return None,
                Err(error) => {
                    tracing::error!(server = name, error = format!("{error:#}"), "server failed to start; retrying");
                }
            }
            tokio::select! {
                () = tokio::time::sleep(RESTART_DELAY) => {}
                () = done.cancelled() => return None,
            }
        };
    }
}
