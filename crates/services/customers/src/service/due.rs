//! Work of a table as it falls due.

use std::{sync::Arc, time::Duration};

use futures::{Stream, StreamExt as _, stream};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::error::Error;

/// How often the database is asked for due work, unless the job is woken earlier.
const POLL: Duration = Duration::from_secs(1);

/// What `take` returns, one after another, until `stop`. `wake` makes it ask at once.
pub fn due<T, F>(
    take: impl Fn() -> F + Send + 'static,
    wake: Arc<Notify>,
    stop: CancellationToken,
) -> impl Stream<Item = T> + Send
where
    T: Send + 'static,
    F: Future<Output = Result<Vec<T>, Error>> + Send + 'static,
{
    stream::unfold((take, wake, stop), |(take, wake, stop)| async move {
        while !stop.is_cancelled() {
            let due = take().await.unwrap_or_else(|error| {
                let error = format!("{:#}", anyhow::Error::from(error));
                tracing::warn!(error, "reading due work failed, retrying");
                Vec::new()
            });
            if !due.is_empty() {
                return Some((stream::iter(due), (take, wake, stop)));
            }
            tokio::select! {
                _ = tokio::time::timeout(POLL, wake.notified()) => {}
                () = stop.cancelled() => {}
            }
        }
        None
    })
    .flatten()
}
