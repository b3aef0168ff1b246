//! The attacker: the shop's addresses, the attacker's session, and its counts so far.

use std::{
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use platform::random::Random;
use tokio::{task::JoinSet, time::sleep};
use uuid::Uuid;

use crate::attack::entrances::Entrances;

/// The session of the attacker's user, who registered like any other user.
#[derive(Clone, Debug)]
pub struct Session {
    pub user: Uuid,
    pub session: String,
    pub part: Uuid,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Opened connections, including those that replaced a closed one.
    pub connections: u64,
    /// Streams, requests or messages that were sent.
    pub sent: u64,
    /// Connections that the server refused or closed, streams that it reset, and requests that it answered with 4xx or
    /// 5xx.
    pub refused: u64,
    /// The number of times that the attack obtained something that the shop must not give.
    pub succeeded: u64,
}

pub struct Attacker {
    pub entrances: Entrances,
    pub account: Session,
    /// Other customers' logins, which anyone may know.
    pub targets: Vec<String>,
    scale: f64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    counts: Counts,
    open: u64,
    /// True after the end of the attack, which then counts no more.
    is_over: bool,
}

/// Counts a connection as open until it is dropped.
pub struct Place(Arc<Attacker>);

impl Attacker {
    pub fn new(entrances: Entrances, account: Session, targets: Vec<String>, scale: f64) -> Self {
        Self { entrances, account, targets, scale, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn counts(&self) -> Counts {
        self.state().counts
    }

    pub fn open(&self) -> u64 {
        self.state().open
    }

    /// Ends the counts before the attack is stopped.
    pub fn freeze(&self) {
        self.state().is_over = true;
    }

    /// Counts a connection as open until the returned value is dropped.
    pub(crate) fn place(self: &Arc<Self>) -> Place {
        self.state().open += 1;
        self.count(|counts| counts.connections += 1);
        Place(self.clone())
    }

    pub(crate) fn has_sent(&self, count: u64) {
        self.count(|counts| counts.sent += count);
    }

    pub(crate) fn was_refused(&self) {
        self.count(|counts| counts.refused += 1);
    }

    pub(crate) fn has_succeeded(&self) {
        self.count(|counts| counts.succeeded += 1);
    }

    fn count(&self, count: impl FnOnce(&mut Counts)) {
        let mut state = self.state();
        if !state.is_over {
            count(&mut state.counts);
        }
    }

    /// Returns `count` multiplied by this attacker's scale; at least one.
    pub fn scaled(&self, count: u32) -> u32 {
        scaled(count, self.scale)
    }

    /// Runs `work` in `count` tasks (at scale 1) until the returned future is dropped. Each task repeats `work` with a
    /// pause slightly above `pause`.
    pub async fn repeat<F>(self: &Arc<Self>, count: u32, pause: Duration, work: impl Fn(Arc<Self>, u32) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut tasks = JoinSet::new();
        for number in 0..self.scaled(count) {
            tasks.spawn(work(self.clone(), number));
        }
        let mut number = self.scaled(count);
        while tasks.join_next().await.is_some() {
            let again = work(self.clone(), number);
            number = number.wrapping_add(1);
            let pause = jittered(pause..pause * 2);
            tasks.spawn(async move {
                sleep(pause).await;
                again.await;
            });
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.state().open -= 1;
    }
}

pub(crate) fn scaled(count: u32, scale: f64) -> u32 {
    // The cast saturates: NaN becomes 0, and a too large float the maximum.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
    let scaled = (f64::from(count) * scale).round() as u32;
    scaled.max(1)
}

fn jittered(range: Range<Duration>) -> Duration {
    if range.is_empty() { range.start } else { Random::default().between(range.start..=range.end) }
}
