//! The attacker: the shop's addresses, the attacker's session, and its counts so far.

use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
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
    /// Connections open when the attack was stopped.
    pub held: u64,
    /// How often the attack obtained something that the shop must not give.
    pub succeeded: u64,
}

pub struct Attacker {
    pub entrances: Entrances,
    pub account: Session,
    /// Other customers' logins, which anyone may know.
    pub targets: Vec<String>,
    scale: f64,
    connections: AtomicU64,
    sent: AtomicU64,
    refused: AtomicU64,
    open: AtomicU64,
    held: AtomicU64,
    succeeded: AtomicU64,
    is_over: AtomicBool,
}

/// Counts a connection as open until it is dropped.
pub struct Place(Arc<Attacker>);

impl Attacker {
    pub fn new(entrances: Entrances, account: Session, targets: Vec<String>, scale: f64) -> Self {
        let zero = AtomicU64::default;
        Self {
            entrances,
            account,
            targets,
            scale,
            connections: zero(),
            sent: zero(),
            refused: zero(),
            open: zero(),
            held: zero(),
            succeeded: zero(),
            is_over: AtomicBool::default(),
        }
    }

    pub fn counts(&self) -> Counts {
        let counts = [&self.connections, &self.sent, &self.refused, &self.held, &self.succeeded];
        let [connections, sent, refused, held, succeeded] = counts.map(|count| count.load(Relaxed));
        Counts { connections, sent, refused, held, succeeded }
    }

    pub fn open(&self) -> u64 {
        self.open.load(Relaxed)
    }

    /// Stores the number of open connections before the attack is stopped.
    pub fn freeze(&self) {
        self.held.store(self.open(), Relaxed);
        self.is_over.store(true, Relaxed);
    }

    /// Counts a connection as open until the returned value is dropped.
    pub(crate) fn place(self: &Arc<Self>) -> Place {
        self.open.fetch_add(1, Relaxed);
        self.count(&self.connections, 1);
        Place(self.clone())
    }

    pub(crate) fn has_sent(&self, count: u64) {
        self.count(&self.sent, count);
    }

    pub(crate) fn was_refused(&self) {
        self.count(&self.refused, 1);
    }

    pub(crate) fn has_succeeded(&self) {
        self.count(&self.succeeded, 1);
    }

    fn count(&self, counter: &AtomicU64, count: u64) {
        if !self.is_over.load(Relaxed) {
            counter.fetch_add(count, Relaxed);
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
        self.0.open.fetch_sub(1, Relaxed);
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
