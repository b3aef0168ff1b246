//! The sender: hands over what is queued, several at a time, as fast as the provider allows; one sender per database.

use std::{
    collections::HashSet,
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

use super::{Courier, GIVE_UP, flight::Landing, hold::Hold, pace::Pace};

/// Notifications under way at a time.
const IN_FLIGHT: usize = 32;
/// How long a sender may be silent before another takes over.
const LEASE: Duration = Duration::from_secs(6);
/// A backstop, and how often what time alone changes is looked at.
const POLL: Duration = Duration::from_secs(1);
/// The lane of the question how the provider is.
const PROBE: &str = "probe";

pub struct Sender {
    courier: Arc<Courier>,
    lease: Arc<dyn Lease>,
    queued: Arc<Notify>,
    pace: Pace,
    flights: JoinSet<(String, Landing)>,
    /// The lanes of what is under way.
    lanes: HashSet<String>,
    users: Hold,
    provider: Hold,
}

impl Sender {
    /// `queued` is notified when there is something new.
    pub fn new(courier: Courier, lease: Arc<dyn Lease>, queued: Arc<Notify>) -> Self {
        Self {
            pace: Pace::new(courier.notifier.limits()),
            courier: Arc::new(courier),
            lease,
            queued,
            flights: JoinSet::new(),
            lanes: HashSet::new(),
            users: Hold::new("iam"),
            provider: Hold::new("the messenger"),
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
                leads = self.lease.acquire(LEASE).await?.is_some();
                renew_at = now + LEASE / 3;
            }
            if now >= look_at {
                if leads {
                    self.look().await?;
                }
                look_at = now + POLL;
            }
            if leads {
                self.probe();
                self.take_off().await?;
            }
            let wake_at = self.pace.waiting().map(|(_, free)| free).fold(look_at, Instant::min).min(renew_at);
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                Some(landed) = self.flights.join_next() => self.land(landed)?,
                () = self.queued.notified(), if leads => {}
                () = tokio::time::sleep_until(wake_at) => {}
            }
        }
    }

    /// Frees what a crash left behind, and counts.
    async fn look(&self) -> anyhow::Result<()> {
        let notifications = &self.courier.notifications;
        let given_up = notifications.give_up(GIVE_UP).await?;
        if given_up > 0 {
            tracing::warn!(given_up, "hand-overs ended without anyone to tell how");
        }
        let queued = notifications.queued().await?;
        metrics::gauge!("notifications_queued").set(f64::from(i32::try_from(queued).unwrap_or(i32::MAX)));
        Ok(())
    }

    /// After trouble, asks the provider how it is before it is given another message: one without an answer counts.
    fn probe(&mut self) {
        if self.provider.is_over() && self.lanes.insert(PROBE.to_owned()) {
            let courier = self.courier.clone();
            self.flights.spawn(async move { (PROBE.to_owned(), courier.probe().await) });
        }
    }

    /// Starts as many flights as there is room for.
    async fn take_off(&mut self) -> anyhow::Result<()> {
        // Half a load at least, so that a long queue is not read once per message.
        if self.flights.len() > IN_FLIGHT / 2 || self.provider.is_tripped() {
            return Ok(());
        }
        let busy: Vec<String> = self.pace.waiting().map(|(chat, _)| chat).chain(&self.lanes).cloned().collect();
        let room = i64::try_from(IN_FLIGHT - self.flights.len())?;
        for due in self.courier.notifications.due(room, !self.users.is_waiting(), &busy).await? {
            let lane = due.lane();
            let slot = due.chat.as_ref().map_or_else(Instant::now, |chat| self.pace.reserve(chat));
            self.lanes.insert(lane.clone());
            let flight = self.courier.clone().fly(due, slot);
            self.flights.spawn(async move { (lane, flight.await) });
        }
        Ok(())
    }

    fn land(&mut self, landed: Result<(String, Landing), JoinError>) -> anyhow::Result<()> {
        let (lane, landing) = landed.inspect_err(|_| self.lanes.clear()).context("a flight panicked")?;
        self.lanes.remove(&lane);
        match landing {
            Landing::Done => {}
            Landing::Addressed => self.users.clear(),
            Landing::UsersAway(problem) => self.users.trip(&problem),
            Landing::ProviderBack => {
                self.provider.clear();
                self.courier.halted.store(false, Ordering::Release);
            }
            Landing::ProviderTroubled(problem) => {
                self.courier.halted.store(true, Ordering::Release);
                self.provider.trip(&problem);
            }
        }
        Ok(())
    }
}
