//! Looks up the session of a stream of server-sent events before each event: a stream outlives the session check of the
//! request that opened it.

use std::{pin::pin, sync::Arc, time::Duration};

use platform::auth::{SessionError, Sessions};
use tokio::time::{Instant, sleep};

use crate::client::credential;

/// The interval at which the session of a stream without events is looked up.
const CHECK_INTERVAL: Duration = Duration::from_secs(30);
/// A stream continues for this long while sessions cannot be looked up.
const MAX_UNKNOWN: Duration = Duration::from_mins(2);

pub struct SessionWatch {
    sessions: Arc<dyn Sessions>,
    /// A session or an access token.
    session: String,
    is_operator: bool,
    /// The start of the last look-up that found the session open.
    open_at: Instant,
}

impl SessionWatch {
    /// Watches an open session. With `is_operator`, its user must also keep the role `operator`.
    pub fn new(sessions: Arc<dyn Sessions>, session: String, is_operator: bool) -> Self {
        Self { sessions, session, is_operator, open_at: Instant::now() }
    }

    /// Waits for the next event of a stream. Returns `None` if the stream ends, or if the session has ended or lost its
    /// role when it is looked up after that.
    pub async fn admit<T>(&mut self, step: impl Future<Output = Option<T>>) -> Option<T> {
        let mut step = pin!(step);
        loop {
            let next = tokio::select! {
                next = step.as_mut() => Some(next?),
                () = sleep(CHECK_INTERVAL) => None,
            };
            if !self.is_open().await {
                return None;
            }
            if next.is_some() {
                return next;
            }
        }
    }

    async fn is_open(&mut self) -> bool {
        let begun = Instant::now();
        match self.sessions.owner(&credential(&self.session)).await {
            Ok(user) if user.is_operator || !self.is_operator => {
                self.open_at = begun;
                true
            }
            Ok(_) | Err(SessionError::Invalid) => false,
            Err(SessionError::Unavailable | SessionError::TooMany) => self.open_at.elapsed() < MAX_UNKNOWN,
        }
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use platform::auth::{Credential, User};

    use super::*;

    struct Away;

    #[async_trait]
    impl Sessions for Away {
        async fn owner(&self, _: &Credential) -> Result<User, SessionError> {
            Err(SessionError::Unavailable)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_has_no_step_after_two_minutes_without_iam() {
        let mut session = SessionWatch::new(Arc::new(Away), "session".to_owned(), false);
        let step = async || {
            sleep(Duration::from_secs(1)).await;
            Some(())
        };

        let mut steps = 0;
        while session.admit(step()).await.is_some() {
            steps += 1;
        }
        assert_eq!(steps, 119);

        let mut silent = SessionWatch::new(Arc::new(Away), "session".to_owned(), false);
        let begun = Instant::now();
        assert_eq!(silent.admit(std::future::pending::<Option<()>>()).await, None);
        assert_eq!(begun.elapsed().as_secs(), MAX_UNKNOWN.as_secs());
    }
}
