//! Holding back from somebody who is in trouble, longer each time, until he is well.

use platform::retry;
use tokio::time::Instant;

pub struct Hold {
    name: &'static str,
    until: Option<Instant>,
    pauses: backon::ExponentialBackoff,
}

impl Hold {
    /// `name` is for the log.
    pub fn new(name: &'static str) -> Self {
        Self { name, until: None, pauses: retry::patient() }
    }

    /// Trouble: a first pause, or the next when the last one is over.
    pub fn trip(&mut self, problem: &str) {
        if self.is_waiting() {
            return;
        }
        if !self.is_tripped() {
            tracing::warn!(problem, "notifications wait: {} is in trouble", self.name);
        }
        self.until = Some(Instant::now() + self.pauses.next().unwrap_or_default());
    }

    /// No trouble any more.
    pub fn clear(&mut self) {
        if self.is_tripped() {
            tracing::info!("{} is well again", self.name);
            self.until = None;
            self.pauses = retry::patient();
        }
    }

    /// True from the first trouble until it is cleared.
    pub fn is_tripped(&self) -> bool {
        self.until.is_some()
    }

    /// True during a pause.
    pub fn is_waiting(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() < until)
    }

    /// True after a pause: time to try.
    pub fn is_over(&self) -> bool {
        self.is_tripped() && !self.is_waiting()
    }
}
