//! The time from the start of a batch that is not full to the start of the next, for callers that gather items
//! themselves.

use std::time::Duration;

use tokio::time::Instant;

/// The rate, in items per second, up to which batches are not delayed.
const UNDELAYED_RATE: f64 = 50.0;
/// The seconds of delay for each item per second above [`UNDELAYED_RATE`].
const DELAY_PER_ITEM: f64 = 0.000_2;
const MAX_DELAY: Duration = Duration::from_millis(100);

/// The delay between batches while items are frequent. Items that arrive during a delay are handled together, which
/// saves commits and requests to other systems.
///
/// Up to 50 items per second, batches are not delayed; from 550 on, a batch begins 100 ms after the previous one, or
/// earlier if it is full.
#[derive(Default)]
pub struct BatchDelay {
    /// An estimate of the items in the last second: an item of age `t` seconds counts as e^-t.
    rate: f64,
    last: Option<Instant>,
    next: Option<Instant>,
}

impl BatchDelay {
    /// The earliest start of the next batch. `None` before the first.
    pub fn next(&self) -> Option<Instant> {
        self.next
    }

    /// Returns true if more than 50 items per second arrived recently: others will soon follow.
    pub fn is_busy(&self, now: Instant) -> bool {
        self.rate_at(now) > UNDELAYED_RATE
    }

    /// Records that a batch of `items` items began at `begun`. A caller that spaces its batches by [`next`](Self::next)
    /// does not record full batches, since it begins the next batch without a delay.
    pub fn record(&mut self, items: u32, begun: Instant) {
        self.rate = self.rate_at(begun) + f64::from(items);
        self.last = Some(begun);
        let delay = Duration::from_secs_f64(((self.rate - UNDELAYED_RATE) * DELAY_PER_ITEM).max(0.0));
        self.next = Some(begun + delay.min(MAX_DELAY));
    }

    fn rate_at(&self, now: Instant) -> f64 {
        let age = self.last.map_or(0.0, |last| now.saturating_duration_since(last).as_secs_f64());
        self.rate * (-age).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the delay after two seconds in which `rate` items arrived per second.
    fn delay_at(rate: u32) -> Duration {
        let (mut delay, begun) = (BatchDelay::default(), Instant::now());
        for number in 0..2 * rate {
            delay.record(1, begun + Duration::from_secs(1) / rate * number);
        }
        delay.next.unwrap() - delay.last.unwrap()
    }

    #[test]
    fn few_items_do_not_wait_and_many_wait_for_each_other() {
        assert_eq!(delay_at(40), Duration::ZERO);
        let medium = delay_at(150);
        assert!(medium > Duration::from_millis(10) && medium < Duration::from_millis(30), "{medium:?}");
        assert_eq!(delay_at(1_000), MAX_DELAY);
    }

    #[test]
    fn a_pace_is_busy_while_items_are_frequent() {
        let (mut delay, now) = (BatchDelay::default(), Instant::now());
        assert!(!delay.is_busy(now));

        delay.record(100, now);

        assert!(delay.is_busy(now + Duration::from_millis(100)));
        assert!(!delay.is_busy(now + Duration::from_secs(1)));
    }
}
