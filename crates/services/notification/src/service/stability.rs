//! How long the provider has answered without a failure. A repeat is the last hand-over of a notification, so it waits for this.

use std::time::Duration;

use tokio::time::Instant;

/// How long the provider must have answered without a failure before anything is repeated.
pub const STABLE_FOR: Duration = Duration::from_mins(1);
/// So often it is asked within that time while something is to be repeated, but not more often than this.
const PROBES: u32 = 6;
const PROBE_GAP: Duration = Duration::from_secs(3);

pub struct Stability {
    wanted: Duration,
    /// The first answer since the last failure.
    since: Option<Instant>,
    last_answer: Option<Instant>,
}

impl Stability {
    /// Nothing is known yet, which counts as a failure.
    pub fn new(wanted: Duration) -> Self {
        Self { wanted, since: None, last_answer: None }
    }

    pub fn failed(&mut self) {
        self.since = None;
    }

    /// The provider took or refused something, or answered a probe.
    pub fn answered(&mut self) {
        let now = Instant::now();
        self.since.get_or_insert(now);
        self.last_answer = Some(now);
    }

    /// True when it has been well for long enough, and was a moment ago.
    pub fn is_reached(&self) -> bool {
        !self.needs_probe() && self.since.is_some_and(|since| since.elapsed() >= self.wanted)
    }

    /// True when the last answer is too old to say anything.
    pub fn needs_probe(&self) -> bool {
        self.since.is_none()
            || self.last_answer.is_none_or(|last| last.elapsed() >= (self.wanted / PROBES).max(PROBE_GAP))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_reached_by_answers_without_a_failure() {
        let mut stability = Stability::new(STABLE_FOR);
        assert!(stability.needs_probe() && !stability.is_reached());

        stability.answered();
        assert!(!stability.needs_probe() && !stability.is_reached());
        tokio::time::sleep(STABLE_FOR).await;
        assert!(stability.needs_probe() && !stability.is_reached(), "nothing was heard for a minute");
        stability.answered();
        assert!(stability.is_reached());

        stability.failed();
        stability.answered();
        assert!(!stability.is_reached());
    }
}
