//! The sender: hands over what is queued, several chats at a time, as fast as the provider allows; one sender per database.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use anyhow::Context as _;
use platform::{lease::Lease, retry};
use tokio::{
    sync::Notify,
    task::{JoinError, JoinSet},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Courier, GIVE_UP, flight::Landing, hold::Hold, pace::Pace, rounds::Rounds, stability::Stability};
use crate::{
    model::{Batch, Due},
    repository::BATCH,
};

/// Messages under way at a time.
const IN_FLIGHT: usize = 32;
/// Users whose chat is looked up at a time.
const LOOKUPS: usize = 16;
/// How long a sender may be silent before another takes over.
const LEASE: Duration = Duration::from_secs(6);
/// A backstop, and how often what time alone changes is looked at.
const POLL: Duration = Duration::from_secs(1);
/// How often the queue is counted, and how far: a gauge that shows this much says enough.
const COUNT: Duration = Duration::from_secs(10);
const MOST_COUNTED: i64 = 100_000;

pub struct Sender {
    courier: Arc<Courier>,
    lease: Arc<dyn Lease>,
    epoch: Option<i64>,
    queued: Arc<Notify>,
    pace: Pace,
    flights: JoinSet<(Lane, Landing)>,
    under_way: UnderWay,
    first: Rounds,
    repeats: Rounds,
    /// There may be notifications without a chat.
    unaddressed: bool,
    users: Hold,
    provider: Hold,
    stability: Stability,
    count_at: Instant,
}

/// What a flight is about.
enum Lane {
    User(Uuid),
    Chat(String),
    Probe,
}

#[derive(Default)]
struct UnderWay {
    /// With the notifications that wait for each user's chat.
    users: HashMap<Uuid, Vec<Uuid>>,
    chats: HashSet<String>,
    probe: bool,
}

impl Sender {
    /// `queued` is notified when there is something new.
    pub fn new(courier: Courier, lease: Arc<dyn Lease>, queued: Arc<Notify>) -> Self {
        let rounds = |repeats| Rounds::new(courier.notifications.clone(), repeats);
        Self {
            first: rounds(false),
            repeats: rounds(true),
            pace: Pace::new(courier.notifier.limits()),
            stability: Stability::new(courier.stable_for),
            courier: Arc::new(courier),
            lease,
            epoch: None,
            queued,
            flights: JoinSet::new(),
            under_way: UnderWay::default(),
            unaddressed: true,
            users: Hold::new("iam"),
            provider: Hold::new("the messenger"),
            count_at: Instant::now(),
        }
    }

    /// Sends until `stop`, then finishes what is under way.
    pub async fn run(mut self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut pauses = retry::patient();
        while !stop.is_cancelled() {
            if let Err(error) = self.work(&stop).await {
                tracing::warn!(error = format!("{error:#}"), "notifications wait: the database is not reachable");
                tokio::select! {
                    () = tokio::time::sleep(pauses.next().unwrap_or(POLL).min(POLL)) => {}
                    () = stop.cancelled() => {}
                }
            }
        }
        self.courier.halted.store(true, Ordering::Release);
        while self.flights.join_next().await.is_some() {}
        Ok(())
    }

    /// Sends while it has the lease, and waits for it while it has not.
    async fn work(&mut self, stop: &CancellationToken) -> anyhow::Result<()> {
        let mut leads = false;
        let mut look_at = Instant::now();
        let mut renew_at = Instant::now();
        loop {
            let now = Instant::now();
            if now >= renew_at {
                let epoch = self.lease.acquire(LEASE).await?;
                leads = epoch.is_some();
                if leads && epoch != self.epoch {
                    self.epoch = epoch;
                    // Another replica has been sending, and what it has met is not known here.
                    self.stability.failed();
                }
                renew_at = now + LEASE / 3;
            }
            if now >= look_at {
                if leads {
                    self.look().await?;
                }
                look_at = now + POLL;
            }
            if leads {
                // After trouble, before it is given another message: one without an answer counts.
                if self.provider.is_over() {
                    self.probe();
                }
                self.look_up().await?;
                self.hand_over().await?;
            }
            let wake_at = self.pace.waiting().map(|(_, free)| free).fold(look_at, Instant::min).min(renew_at);
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                Some(landed) = self.flights.join_next() => {
                    self.land(landed)?;
                    while let Some(landed) = self.flights.try_join_next() {
                        self.land(landed)?;
                    }
                }
                () = self.queued.notified(), if leads => self.unaddressed = true,
                () = tokio::time::sleep_until(wake_at) => {}
            }
        }
    }

    /// Frees what a crash left behind, repeats, and counts.
    async fn look(&mut self) -> anyhow::Result<()> {
        // Another replica's consumers wake nobody here.
        self.unaddressed = true;
        let given_up = self.courier.notifications.give_up(GIVE_UP).await?;
        if given_up > 0 {
            tracing::warn!(given_up, "hand-overs ended without anyone to tell how");
        }
        self.repeat().await?;
        if Instant::now() >= self.count_at {
            let queued = self.courier.notifications.queued(MOST_COUNTED).await?;
            metrics::gauge!("notifications_queued").set(f64::from(i32::try_from(queued).unwrap_or(i32::MAX)));
            self.count_at = Instant::now() + COUNT;
        }
        Ok(())
    }

    /// Asks the provider how it is.
    fn probe(&mut self) {
        if !std::mem::replace(&mut self.under_way.probe, true) {
            let courier = self.courier.clone();
            self.flights.spawn(async move { (Lane::Probe, courier.probe().await) });
        }
    }

    /// Finds chats for the oldest notifications without one: one question for each user.
    async fn look_up(&mut self) -> anyhow::Result<()> {
        let room = LOOKUPS - self.under_way.users.len();
        if !self.unaddressed || self.users.is_waiting() || room < LOOKUPS / 2 {
            return Ok(());
        }
        let busy: Vec<Uuid> = self.under_way.users.values().flatten().copied().collect();
        let found = self.courier.notifications.unaddressed(BATCH, &busy).await?;
        // Those of a user who is being looked up, or for whom there is no room, are found again once something has landed.
        self.unaddressed = !found.is_empty();
        let mut users: Vec<(Uuid, Vec<Due>)> = Vec::new();
        for due in found.into_iter().filter(|due| !self.under_way.users.contains_key(&due.user)) {
            match users.iter_mut().find(|(user, _)| *user == due.user) {
                Some((_, waiting)) => waiting.push(due),
                None => users.push((due.user, vec![due])),
            }
        }
        for (user, waiting) in users.into_iter().take(room) {
            self.under_way.users.insert(user, waiting.iter().map(|due| due.uuid).collect());
            let flight = self.courier.clone().address(user, waiting);
            self.flights.spawn(async move { (Lane::User(user), flight.await) });
        }
        Ok(())
    }

    /// Starts as many flights to chats as there is room for.
    async fn hand_over(&mut self) -> anyhow::Result<()> {
        let (room, busy) = (self.room(), self.busy());
        if room > 0 {
            for batch in self.first.next(room, busy).await? {
                self.tell(batch);
            }
        }
        Ok(())
    }

    /// Starts repeats if the provider has been well for long enough; else finds out.
    async fn repeat(&mut self) -> anyhow::Result<()> {
        let is_stable = self.stability.is_reached();
        let room = if is_stable { self.room() } else { self.room().min(1) };
        if room == 0 {
            return Ok(());
        }
        let busy = self.busy();
        let repeats = self.repeats.next(room, busy).await?;
        if is_stable {
            for batch in repeats {
                self.tell(batch);
            }
        } else if !repeats.is_empty() && self.stability.needs_probe() {
            self.probe();
        }
        Ok(())
    }

    /// To how many chats something may be handed over now.
    fn room(&self) -> usize {
        let flying = self.under_way.chats.len();
        if self.provider.is_tripped() {
            0
        } else if self.provider.is_on_trial() {
            usize::from(flying == 0)
        } else if flying > IN_FLIGHT / 2 {
            // Half a load at least, so that a long queue is not read once per message.
            0
        } else {
            IN_FLIGHT - flying
        }
    }

    /// The chats that nothing may be handed over to now.
    fn busy(&mut self) -> Vec<String> {
        self.pace.waiting().map(|(chat, _)| chat).chain(&self.under_way.chats).cloned().collect()
    }

    fn tell(&mut self, mut batch: Batch) {
        if self.provider.is_on_trial() {
            batch.waiting.truncate(1);
        }
        let chat = batch.chat.clone();
        self.under_way.chats.insert(chat.clone());
        let slot = self.pace.reserve(&chat);
        let flight = self.courier.clone().tell(batch, slot);
        self.flights.spawn(async move { (Lane::Chat(chat), flight.await) });
    }

    fn land(&mut self, landed: Result<(Lane, Landing), JoinError>) -> anyhow::Result<()> {
        let (lane, landing) =
            landed.inspect_err(|_| self.under_way = UnderWay::default()).context("a flight panicked")?;
        match lane {
            Lane::User(user) => drop(self.under_way.users.remove(&user)),
            Lane::Chat(chat) => drop(self.under_way.chats.remove(&chat)),
            Lane::Probe => self.under_way.probe = false,
        }
        match landing {
            Landing::Done => {}
            Landing::Addressed => self.users.clear(),
            Landing::UsersAway(problem) => self.users.trip(&problem),
            Landing::Answered => {
                self.stability.answered();
                // What ends now may have begun before the trouble.
                if !self.provider.is_tripped() {
                    self.provider.clear();
                }
            }
            Landing::ProviderBack => {
                self.stability.answered();
                self.provider.ease();
                self.courier.halted.store(false, Ordering::Release);
            }
            Landing::ProviderTroubled(problem) => {
                self.stability.failed();
                self.courier.halted.store(true, Ordering::Release);
                self.provider.trip(&problem);
            }
        }
        Ok(())
    }
}
