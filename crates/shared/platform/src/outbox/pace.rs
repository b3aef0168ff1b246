//! The time between two batches of a relay that are not full.

use std::time::Duration;

use tokio::time::Instant;

/// Up to so many events a second none waits.
const FREE: f64 = 50.0;
/// The time from one batch to the next per event a second beyond [`FREE`], in seconds, and the longest.
const PER_EVENT: f64 = 0.000_2;
const LONGEST: Duration = Duration::from_millis(50);

/// Spaces batches while events are frequent. Events that wait for each other are published together, which saves commits in the database,
/// requests to the broker, and work of the consumers, which write them together too.
#[derive(Default)]
pub struct Pace {
    /// About how many events were published in the last second: each counts for e to the minus its age in seconds.
    rate: f64,
    last: Option<Instant>,
    next: Option<Instant>,
}

impl Pace {
    /// Returns when the next batch may begin.
    pub async fn wait(&self) {
        if let Some(next) = self.next {
            tokio::time::sleep_until(next).await;
        }
    }

    /// A batch of so many events began at `begun`.
    pub fn published(&mut self, events: u32, begun: Instant) {
        let age = self.last.map_or(0.0, |last| begun.saturating_duration_since(last).as_secs_f64());
        self.rate = self.rate * (-age).exp() + f64::from(events);
        self.last = Some(begun);
        let pause = Duration::from_secs_f64(((self.rate - FREE) * PER_EVENT).max(0.0));
        self.next = Some(begun + pause.min(LONGEST));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pause after events that came for two seconds, so many a second.
    fn pause(rate: u32) -> Duration {
        let (mut pace, begun) = (Pace::default(), Instant::now());
        for number in 0..2 * rate {
            pace.published(1, begun + Duration::from_secs(1) / rate * number);
        }
        pace.next.unwrap() - pace.last.unwrap()
    }

    #[test]
    fn few_events_do_not_wait_and_many_wait_for_each_other() {
        assert_eq!(pause(40), Duration::ZERO);
        let medium = pause(150);
        assert!(medium > Duration::from_millis(10) && medium < Duration::from_millis(30), "{medium:?}");
        assert_eq!(pause(1_000), LONGEST);
    }
}
