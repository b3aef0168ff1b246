//! The timer of an open loop: tokio's, exact to a millisecond, or a separate thread, exact to a quarter of that.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant as Clock},
};

use tokio::{
    sync::Notify,
    task::consume_budget,
    time::{Instant, sleep_until},
};

/// The shortest interval between wake-ups. Arrivals that come due within it are sent together.
const MIN_INTERVAL: Duration = Duration::from_micros(250);

#[derive(Clone, Copy, Debug)]
pub enum Timer {
    /// tokio's clock, which tests can pause.
    Tokio,
    /// A thread, exact enough to measure requests that take less than a millisecond.
    Thread,
}

pub(crate) enum Running {
    Tokio,
    Thread(Pulse),
}

/// A thread that wakes the loop periodically until this value is dropped.
pub(crate) struct Pulse {
    wake: Arc<Notify>,
    is_over: Arc<AtomicBool>,
}

impl Timer {
    /// Starts the timer for arrivals `pause` apart, the first at `begun`.
    pub(crate) fn start(self, begun: Instant, pause: Duration) -> Running {
        match self {
            Self::Tokio => Running::Tokio,
            // If no thread can be started, tokio's clock is used.
            Self::Thread => {
                Pulse::start(begun.into_std(), pause.max(MIN_INTERVAL)).map_or(Running::Tokio, Running::Thread)
            }
        }
    }
}

impl Running {
    /// Waits until `due`, or longer.
    pub(crate) async fn wait(&mut self, due: Instant) {
        if Instant::now() >= due {
            // A late loop yields, so that the requests it has sent make progress.
            consume_budget().await;
            return;
        }
        match self {
            Self::Tokio => sleep_until(due).await,
            Self::Thread(pulse) => {
                while Instant::now() < due {
                    pulse.wake.notified().await;
                }
            }
        }
    }
}

impl Pulse {
    fn start(begun: Clock, pause: Duration) -> Option<Self> {
        let (wake, is_over) = (Arc::new(Notify::new()), Arc::new(AtomicBool::new(false)));
        let pulse = Self { wake: wake.clone(), is_over: is_over.clone() };
        let beat = move || {
            let mut next = begun;
            while !is_over.load(Relaxed) {
                next += pause;
                // A missed wake-up is not repeated: the loop sends everything that is due.
                next = next.max(Clock::now().checked_sub(pause).unwrap_or(next));
                thread::sleep(next.saturating_duration_since(Clock::now()));
                wake.notify_one();
            }
        };
        thread::Builder::new().name("load-timer".to_owned()).spawn(beat).ok()?;
        Some(pulse)
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.is_over.store(true, Relaxed);
    }
}
