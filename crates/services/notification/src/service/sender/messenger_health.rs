//! The provider's health: how long it has answered without a failure. A repeat is a notification's last attempt, so the sender waits until
//! the provider is stable.

use std::time::Duration;

use tokio::time::Instant;

/// How long the provider must have answered without a failure before an unanswered message is repeated.
pub const STABLE_FOR: Duration = Duration::from_mins(1);
/// If the last answer is at least `stable_for / PROBE_DIVISOR` old when a repeat is due, a probe is sent first.
const PROBE_DIVISOR: u32 = 6;
/// The lower limit of `stable_for / PROBE_DIVISOR`.
const MIN_PROBE_AGE: Duration = Duration::from_secs(3);

pub struct MessengerHealth {
    stable_for: Duration,
    /// When the provider first answered after its last failure, if it has.
    healthy_since: Option<Instant>,
    last_answer: Option<Instant>,
}

impl MessengerHealth {
    /// A provider that has not answered yet counts as failed.
    pub fn new(stable_for: Duration) -> Self {
        Self { stable_for, healthy_since: None, last_answer: None }
    }

    pub fn failed(&mut self) {
        self.healthy_since = None;
    }

    /// Records that the provider accepted or rejected a message, or answered a probe.
    pub fn answered(&mut self) {
        let now = Instant::now();
        self.healthy_since.get_or_insert(now);
        self.last_answer = Some(now);
    }

    /// Returns true if the provider has been healthy for `stable_for` and its last answer is recent.
    pub fn is_stable(&self) -> bool {
        !self.needs_probe() && self.healthy_since.is_some_and(|since| since.elapsed() >= self.stable_for)
    }

    /// Returns true if the provider has not answered since its last failure, or if its last answer is too old.
    pub fn needs_probe(&self) -> bool {
        self.healthy_since.is_none()
            || self
                .last_answer
                .is_none_or(|last| last.elapsed() >= (self.stable_for / PROBE_DIVISOR).max(MIN_PROBE_AGE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_provider_is_stable_after_answers_without_a_failure() {
        let mut health = MessengerHealth::new(STABLE_FOR);
        assert!(health.needs_probe() && !health.is_stable());

        health.answered();
        assert!(!health.needs_probe() && !health.is_stable());
        tokio::time::sleep(STABLE_FOR).await;
        assert!(health.needs_probe() && !health.is_stable(), "no answer for a minute");
        health.answered();
        assert!(health.is_stable());

        health.failed();
        health.answered();
        assert!(!health.is_stable());
    }
}
