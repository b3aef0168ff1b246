//! Ends a stream when its session has ended: a stream outlives the check of the request that opened it.

use std::time::Duration;

use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use tonic::Code;

use crate::client::Iam;

/// How often the session of an open stream is checked.
const CHECK_INTERVAL: Duration = Duration::from_secs(30);

/// The session of an open stream.
pub struct SessionWatch {
    iam: Iam,
    session: String,
    check: Interval,
}

impl SessionWatch {
    pub fn new(iam: Iam, session: String) -> Self {
        let mut check = interval_at(Instant::now() + CHECK_INTERVAL, CHECK_INTERVAL);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { iam, session, check }
    }

    /// Returns once the session has ended. While iam does not answer, the session counts as open.
    pub async fn ended(&mut self) {
        loop {
            self.check.tick().await;
            let user = self.iam.user(&self.session).await;
            if user.is_err_and(|status| matches!(status.code(), Code::Unauthenticated | Code::InvalidArgument)) {
                return;
            }
        }
    }
}
