//! Serialises reads of dead letters, since each read has all letters in memory.

use std::sync::Arc;

use anyhow::Context as _;
use tokio::sync::Mutex;

/// A lock for reading. Clones share it.
#[derive(Clone, Default)]
pub struct ReadTurn(Arc<Mutex<()>>);

impl ReadTurn {
    /// Waits for the turn, and reads in a task that keeps the turn until it ends. A caller that stops waiting does not
    /// end the read: its blocking part cannot be stopped, and a second read meanwhile would need the memory again.
    pub async fn read<T: Send + 'static>(
        &self,
        reading: impl Future<Output = anyhow::Result<T>> + Send + 'static,
    ) -> anyhow::Result<T> {
        let turn = self.0.clone().lock_owned().await;
        let task = tokio::spawn(async move {
            let read = reading.await;
            drop(turn);
            read
        });
        task.await.context("reading the dead letters")?
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::{sync::oneshot, time::timeout};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(7);

    #[tokio::test(start_paused = true)]
    async fn a_read_whose_caller_has_left_has_the_turn_until_it_ends() {
        let turn = ReadTurn::default();
        let (end, ended) = oneshot::channel::<()>();
        let first = turn.read(async move {
            ended.await?;
            Ok(())
        });
        assert!(timeout(LIMIT, first).await.is_err());

        assert!(timeout(LIMIT, turn.read(async { Ok(()) })).await.is_err());
        end.send(()).unwrap();

        assert!(timeout(LIMIT, turn.read(async { Ok(()) })).await.unwrap().is_ok());
    }
}
