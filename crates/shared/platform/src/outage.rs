//! Trouble that is logged once when it begins and once when it is over, however often it is met in between.

use std::{fmt, time::Duration};

use tokio::time::Instant;

/// Trouble that has not been met for this long is over; librdkafka tells of the same error twice a minute at least.
const QUIET: Duration = Duration::from_mins(1);

/// What one loop knows of the trouble that it has with somebody else.
pub struct Outage {
    with: &'static str,
    who: String,
    current: Option<Current>,
}

struct Current {
    begun: Instant,
    last: Instant,
    /// How often it was met.
    times: u64,
}

impl Outage {
    /// `who` has trouble `with` somebody; both are for the log.
    pub fn new(with: &'static str, who: impl Into<String>) -> Self {
        Self { with, who: who.into(), current: None }
    }

    /// Trouble, which is a warning when it is the first.
    pub fn met(&mut self, error: impl fmt::Display) {
        let (with, who) = (self.with, &self.who);
        let now = Instant::now();
        if let Some(current) = &mut self.current {
            current.last = now;
            current.times += 1;
            tracing::debug!(who, %error, "{with} is still in trouble");
        } else {
            self.current = Some(Current { begun: now, last: now, times: 1 });
            tracing::warn!(who, %error, "{with} is in trouble");
        }
    }

    /// No trouble any more, which is said once.
    pub fn over(&mut self) {
        if let Some(Current { begun, last, times }) = self.current.take() {
            tracing::info!(who = self.who, lasted = ?(last - begun), times, "{} is well again", self.with);
        }
    }

    /// Returns when trouble has not been met for a minute, for who has no other sign of its end. Never when there is none.
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

    /// The log from info upwards, as text.
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
    async fn trouble_is_told_when_it_begins_and_when_it_is_over() {
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
                r#"WARN the broker is in trouble who="notes" error=no answer"#,
                r#"INFO the broker is well again who="notes" lasted=0ns times=1000"#,
                r#"WARN the broker is in trouble who="notes" error=no answer again"#,
            ]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn trouble_subsides_a_minute_after_it_was_last_met() {
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
