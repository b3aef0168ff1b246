//! Logs an outage of a dependency once when it begins and once when it ends, however many errors occur in between.

use std::{fmt, time::Duration};

use tokio::time::Instant;

/// An outage ends after this time without an error. librdkafka repeats an error at least twice a minute while it lasts.
const QUIET: Duration = Duration::from_mins(1);

/// The outage of one dependency as one task sees it.
pub struct Outage {
    dependency: &'static str,
    task: String,
    current: Option<Current>,
}

struct Current {
    begun: Instant,
    last: Instant,
    errors: u64,
}

impl Outage {
    /// Creates the state without an outage. In the log, `dependency` names the unavailable system and `task` names the task that needs it.
    pub fn new(dependency: &'static str, task: impl Into<String>) -> Self {
        Self { dependency, task: task.into(), current: None }
    }

    /// Records an error. The first error of an outage is logged as a warning, later ones at debug level.
    pub fn met(&mut self, error: impl fmt::Display) {
        let (dependency, task) = (self.dependency, &self.task);
        let now = Instant::now();
        if let Some(current) = &mut self.current {
            current.last = now;
            current.errors += 1;
            tracing::debug!(task, %error, "{dependency} still unavailable, retrying");
        } else {
            self.current = Some(Current { begun: now, last: now, errors: 1 });
            tracing::warn!(task, %error, "{dependency} unavailable, retrying");
        }
    }

    /// Records a success and ends the current outage, if there is one.
    pub fn over(&mut self) {
        if let Some(Current { begun, last, errors }) = self.current.take() {
            tracing::info!(task = self.task, lasted = ?(last - begun), errors, "{} recovered", self.dependency);
        }
    }

    /// Returns once there has been no error for a minute. Never returns if there is no outage. For tasks that see no other sign of a
    /// success.
    pub async fn subsided(&self) {
        match &self.current {
            Some(current) => tokio::time::sleep_until(current.last + QUIET).await,
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use futures::FutureExt as _;

    use super::*;

    /// tracing caches for each log statement whether a subscriber wants it. The tests run one at a time, so that none caches "no" for
    /// another.
    static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

    /// Collects the log from level info upwards as text.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Log {
        fn of(work: impl FnOnce()) -> Vec<String> {
            let log = Self::default();
            let written = log.clone();
            let subscriber = tracing_subscriber::fmt().with_ansi(false).without_time().with_target(false);
            tracing::subscriber::with_default(subscriber.with_writer(move || log.clone()).finish(), work);
            let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
            text.lines().map(|line| line.trim().to_owned()).collect()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_is_logged_when_it_begins_and_when_it_is_over() {
        let _turn = ONE_AT_A_TIME.lock().await;
        let mut outage = Outage::new("the broker", "notes");

        let lines = Log::of(|| {
            outage.over();
            for _ in 0..1000 {
                outage.met("no answer");
            }
            outage.over();
            outage.over();
            outage.met("no answer again");
        });

        assert_eq!(
            lines,
            [
                r#"WARN the broker unavailable, retrying task="notes" error=no answer"#,
                r#"INFO the broker recovered task="notes" lasted=0ns errors=1000"#,
                r#"WARN the broker unavailable, retrying task="notes" error=no answer again"#,
            ]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_subsides_a_minute_after_its_last_error() {
        let _turn = ONE_AT_A_TIME.lock().await;
        let mut outage = Outage::new("the broker", "notes");
        assert_eq!(outage.subsided().now_or_never(), None);

        outage.met("no answer");
        tokio::time::advance(Duration::from_secs(59)).await;
        outage.met("no answer");
        tokio::time::advance(Duration::from_secs(59)).await;
        assert_eq!(outage.subsided().now_or_never(), None);
        tokio::time::advance(Duration::from_secs(1)).await;

        assert_eq!(outage.subsided().now_or_never(), Some(()));
    }
}
