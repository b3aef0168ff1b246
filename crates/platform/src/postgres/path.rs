//! What is known of the path to the server: whether a connection that is used now has a chance to be answered.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, time::Instant};

/// Shared by all connections of one database. One that was silent tells of the others that were last heard before.
#[derive(Clone, Debug, Default)]
pub(super) struct Path(Arc<watch::Sender<Marks>>);

#[derive(Clone, Copy, Debug, Default)]
struct Marks {
    /// Connections that were last used by then are not used again.
    stale: Option<Instant>,
    /// What was sent by then and has no answer gets none any more.
    silent: Option<Instant>,
}

/// No answer came, and none is waited for any longer.
#[derive(Debug)]
pub(super) struct Unanswered;

impl From<Unanswered> for sqlx::Error {
    fn from(_: Unanswered) -> Self {
        Self::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, "PostgreSQL did not answer in time"))
    }
}

impl Path {
    /// A connection was found broken that was in use until `moment`: the idle ones have to be made anew.
    pub fn is_stale_since(&self, moment: Instant) {
        self.0.send_modify(|marks| marks.stale = marks.stale.max(Some(moment)));
    }

    /// To what was sent at `moment` no answer has come: what was sent before gets none either.
    pub fn is_silent_since(&self, moment: Instant) {
        self.0.send_modify(|marks| {
            marks.stale = marks.stale.max(Some(moment));
            marks.silent = marks.silent.max(Some(moment));
        });
    }

    /// True where a connection that has been idle for so long is not to be used again.
    pub fn is_stale(&self, idle_for: Duration) -> bool {
        let last_used = Instant::now().checked_sub(idle_for);
        self.0.borrow().stale.is_some_and(|stale| last_used.is_none_or(|last_used| last_used <= stale))
    }

    /// The answer to what is sent at `since`, unless it takes longer than `limit` or the path is found to be silent meanwhile.
    pub async fn answered<T>(
        &self,
        since: Instant,
        limit: Duration,
        answer: impl Future<Output = T>,
    ) -> Result<T, Unanswered> {
        let mut marks = self.0.subscribe();
        tokio::select! {
            biased;
            answer = answer => Ok(answer),
            _ = marks.wait_for(|marks| marks.silent.is_some_and(|silent| silent >= since)) => Err(Unanswered),
            () = tokio::time::sleep_until(since + limit) => {
                self.is_silent_since(since);
                Err(Unanswered)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(6);

    #[tokio::test(start_paused = true)]
    async fn what_was_sent_before_a_silence_is_given_up_and_what_was_sent_after_is_not() {
        let path = Path::default();
        let sent = Instant::now();
        tokio::time::advance(Duration::from_secs(1)).await;
        let ping = Instant::now();
        tokio::time::advance(Duration::from_secs(1)).await;
        path.is_silent_since(ping);

        assert!(path.answered(sent, LIMIT, pending::<()>()).await.is_err());
        let late = tokio::time::timeout(LIMIT / 2, path.answered(Instant::now(), LIMIT, pending::<()>())).await;
        assert!(late.is_err(), "it is still waited for");
        assert!(path.answered(sent, LIMIT, ready(())).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn connections_that_were_used_after_a_silence_are_used_again() {
        let path = Path::default();
        tokio::time::advance(Duration::from_secs(5)).await;
        assert!(!path.is_stale(Duration::from_secs(5)));

        path.is_silent_since(Instant::now() - Duration::from_secs(2));

        assert!(path.is_stale(Duration::from_secs(3)));
        assert!(!path.is_stale(Duration::from_secs(1)));
    }
}
