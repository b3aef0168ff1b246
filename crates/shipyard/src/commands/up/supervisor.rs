//! Starts a server again that has ended by itself: the services wait for it as they do for any that is away.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// How long to wait after a start that failed.
const PAUSE: Duration = Duration::from_secs(1);

/// Keeps `server` running until `done`; answers the one that runs then.
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
        tracing::warn!(server = name, "a server has ended and is started again");
        // It holds the lock on its data.
        drop(server);
        server = loop {
            match start().await {
                Ok(Some(started)) => break started,
                Ok(None) => return None,
                Err(error) => tracing::error!(server = name, error = format!("{error:#}"), "a server does not start"),
            }
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                () = done.cancelled() => return None,
            }
        };
    }
}
