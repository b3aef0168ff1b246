//! Ends a stream when its session has ended or has lost the role `operator`: a stream outlives the session check of the request that opened it.

use std::time::Duration;

use contracts::identity::OPERATOR;
use futures::{
    FutureExt as _,
    future::{BoxFuture, Fuse},
};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tonic::Code;

use crate::client::Iam;

/// How often the session of an open stream is checked.
const CHECK_INTERVAL: Duration = Duration::from_secs(30);

pub struct SessionWatch {
    /// Completes when the session ends. It lives across steps of the stream, because a check may take longer than the
    /// time between two steps.
    ended: Fuse<BoxFuture<'static, ()>>,
}

impl SessionWatch {
    /// Watches a session that had the role `operator`, or not. While iam does not respond, the session counts as open.
    pub fn new(iam: Iam, session: String, is_operator: bool) -> Self {
        Self::checked(move || {
            let (iam, session) = (iam.clone(), session.clone());
            async move {
                match iam.user(&session).await {
                    Ok(user) => is_operator && !user.roles.iter().any(|role| role == OPERATOR),
                    Err(status) => matches!(status.code(), Code::Unauthenticated | Code::InvalidArgument),
                }
            }
        })
    }

    fn checked<F>(mut has_ended: impl FnMut() -> F + Send + 'static) -> Self
    where
        F: Future<Output = bool> + Send + 'static,
    {
        let mut check = interval_at(Instant::now() + CHECK_INTERVAL, CHECK_INTERVAL);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let ended = async move {
            loop {
                check.tick().await;
                if has_ended().await {
                    return;
                }
            }
        };
        Self { ended: ended.boxed().fuse() }
    }

    /// Returns once the session has ended. If the call is cancelled, the check in progress continues in the next call.
    pub async fn ended(&mut self) {
        (&mut self.ended).await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{sleep, timeout};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_session_that_has_ended_is_noticed_while_steps_come_faster_than_the_check_ends() {
        let mut session = SessionWatch::checked(|| async {
            sleep(Duration::from_secs(1)).await;
            true
        });

        let noticed = timeout(CHECK_INTERVAL * 2, async {
            loop {
                tokio::select! {
                    () = session.ended() => return,
                    () = sleep(Duration::from_millis(300)) => {}
                }
            }
        });

        assert!(noticed.await.is_ok());
    }
}
