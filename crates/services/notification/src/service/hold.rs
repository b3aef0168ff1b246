//! Holding back from somebody who is in trouble, longer each time, until he is well.

use platform::retry;
use tokio::time::Instant;

pub struct Hold {
    name: &'static str,
    until: Option<Instant>,
    on_trial: bool,
    pauses: backon::ExponentialBackoff,
}

impl Hold {
    /// `name` is for the log.
    pub fn new(name: &'static str) -> Self {
        Self { name, until: None, on_trial: false, pauses: retry::patient() }
    }

    /// Trouble: a first pause, or the next when the last one is over.
    pub fn trip(&mut self, problem: &str) {
        if self.is_waiting() {
            return;
        }
        if !self.is_tripped() && !self.on_trial {
            tracing::warn!(problem, "notifications wait: {} is in trouble", self.name);
        }
        self.on_trial = false;
        self.until = Some(Instant::now() + self.pauses.next().unwrap_or_default());
    }

    /// It answers again: a single try is to show whether it is well, and the next pause is longer if it is not.
    pub fn ease(&mut self) {
        self.on_trial |= self.until.take().is_some();
    }

    /// No trouble any more.
    pub fn clear(&mut self) {
        if self.is_tripped() || self.on_trial {
            tracing::info!("{} is well again", self.name);
            *self = Self::new(self.name);
        }
    }

    /// True from the first trouble until it is eased or cleared.
    pub fn is_tripped(&self) -> bool {
        self.until.is_some()
    }

    /// True while a single try is to show whether it is well.
    pub fn is_on_trial(&self) -> bool {
        self.on_trial
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
