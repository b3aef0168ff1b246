//! A circuit breaker with exponential backoff: stops calls to a peer after a failure until a probe succeeds.
//!
//! The sender's loop checks it before each call. For concurrent callers, there is `platform::circuit_breaker`.

use platform::retry;
use tokio::time::Instant;

/// ```text
/// Closed ──failure──▶ Open ──probe answered──▶ Half-open ──message answered──▶ Closed
///                      ▲                           │
///                      └──────────failure──────────┘
/// ```
pub struct SenderBreaker {
    peer: &'static str,
    /// When the backoff ends; `None` unless the breaker is open.
    open_until: Option<Instant>,
    half_open: bool,
    pauses: backon::ExponentialBackoff,
}

impl SenderBreaker {
    /// Creates a closed breaker. The log shows `peer`.
    pub fn new(peer: &'static str) -> Self {
        Self { peer, open_until: None, half_open: false, pauses: retry::endless_backoff() }
    }

    /// Opens the breaker, each time for longer. Does nothing during a backoff.
    pub fn open(&mut self, problem: &str) {
        if self.is_backing_off() {
            return;
        }
        if !self.is_open() && !self.half_open {
            tracing::warn!(peer = self.peer, problem, "{} unavailable, notifications stay queued", self.peer);
        }
        self.half_open = false;
        self.open_until = Some(Instant::now() + self.pauses.next().unwrap_or_default());
    }

    /// Lets a single call through after a successful probe; another failure opens the breaker for longer.
    pub fn half_open(&mut self) {
        self.half_open |= self.open_until.take().is_some();
    }

    /// Closes the breaker and resets the backoff.
    pub fn close(&mut self) {
        if self.is_open() || self.half_open {
            tracing::info!(peer = self.peer, "{} recovered", self.peer);
            *self = Self::new(self.peer);
        }
    }

    pub fn is_open(&self) -> bool {
        self.open_until.is_some()
    }

    pub fn is_half_open(&self) -> bool {
        self.half_open
    }

    pub fn is_backing_off(&self) -> bool {
        self.open_until.is_some_and(|until| Instant::now() < until)
    }

    pub fn is_probe_due(&self) -> bool {
        self.is_open() && !self.is_backing_off()
    }
}
