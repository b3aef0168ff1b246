//! The sender: sends queued notifications to several chats at a time, as fast as the provider allows. A lease lets one
//! replica at a time send.

mod rate_limiter;
mod selection;

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use group_commit::BatchDelay;
use outbox::Lease;
use platform::{circuit_breaker::CircuitBreaker, jobs::caught, retry};
use rate_limiter::RateLimiter;
use selection::{InProgress, Subject};
use tokio::{
    sync::Notify,
    task::{JoinError, JoinSet},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::{
    ATTEMPT_EXPIRY, Dispatcher,
    dispatcher::{LookUp, report},
};
use crate::metrics;

const LEASE_TTL: Duration = Duration::from_secs(6);
/// Once per interval, the sender looks for work that `queued` does not announce, such as due retries.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// Once per interval, the length of the queue is measured. Rows beyond [`MAX_COUNT`] are not counted.
const COUNT_INTERVAL: Duration = Duration::from_secs(10);
const MAX_COUNT: i64 = 100_000;

pub struct Sender {
    dispatcher: Arc<Dispatcher>,
    lease: Arc<dyn Lease>,
    queued: Arc<Notify>,
    limiter: RateLimiter,
    tasks: JoinSet<(Subject, Option<LookUp>)>,
    in_progress: InProgress,
    /// True while there may be notifications without a chat. False after a failed look-up, until the next poll.
    without_chat: bool,
    breaker: Arc<CircuitBreaker>,
    /// Cancelled when no attempt may begin any more.
    stopping: CancellationToken,
    count_at: Instant,
}

impl Sender {
    /// Each notification that this replica queues notifies `queued`.
    pub fn new(dispatcher: Dispatcher, lease: Arc<dyn Lease>, queued: Arc<Notify>) -> Self {
        let notifier = dispatcher.notifier.clone();
        let responds = move || {
            let notifier = notifier.clone();
            async move { notifier.probe().await.is_ok() }
        };
        Self {
            breaker: CircuitBreaker::new("telegram", responds),
            stopping: CancellationToken::new(),
            limiter: RateLimiter::new(dispatcher.notifier.limits()),
            dispatcher: Arc::new(dispatcher),
            lease,
            queued,
            tasks: JoinSet::new(),
            in_progress: InProgress::default(),
            without_chat: true,
            count_at: Instant::now(),
        }
    }

    /// Sends until `stop`, then finishes the attempts in progress.
    pub async fn run(mut self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut backoff = retry::endless_backoff();
        while !stop.is_cancelled() {
            if let Err(error) = caught(self.work(&stop)).await {
                tracing::warn!(error = format!("{error:#}"), "sending failed, notifications stay queued");
                tokio::select! {
                    () = tokio::time::sleep(backoff.next().unwrap_or(POLL_INTERVAL).min(POLL_INTERVAL)) => {}
                    () = stop.cancelled() => {}
                }
            }
        }
        self.stopping.cancel();
        while self.tasks.join_next().await.is_some() {}
        Ok(())
    }

    /// Sends while this replica has the lease, and otherwise tries to acquire it.
    async fn work(&mut self, stop: &CancellationToken) -> anyhow::Result<()> {
        let mut leads = false;
        let mut poll_at = Instant::now();
        let mut renew_at = Instant::now();
        // Delayed reads return more notifications at a time, which are then claimed and settled together.
        let (mut delay, mut must_look) = (BatchDelay::default(), true);
        loop {
            let now = Instant::now();
            if now >= renew_at {
                leads = self.lease.acquire(LEASE_TTL).await?.is_some();
                renew_at = now + LEASE_TTL / 3;
            }
            if now >= poll_at {
                self.measure().await?;
                if leads {
                    self.poll().await?;
                }
                poll_at = now + POLL_INTERVAL;
            }
            if leads && must_look && delay.next().is_none_or(|next| next <= now) {
                must_look = false;
                let (lookups, attempts) = (self.find_chats().await?, self.send_first_attempts().await?);
                if let (Some(lookups), Some(attempts)) = (lookups, attempts) {
                    delay.record(lookups + attempts, now);
                }
            }
            let free_at = self.limiter.throttled().map(|(_, free)| free);
            let next_look = delay.next().filter(|_| leads && must_look);
            let wake_at = free_at.chain(next_look).fold(poll_at.min(renew_at), Instant::min);
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                Some(ended) = self.tasks.join_next() => {
                    self.end(ended)?;
                    while let Some(ended) = self.tasks.try_join_next() {
                        self.end(ended)?;
                    }
                    must_look = true;
                }
                () = self.queued.notified(), if leads => {
                    self.without_chat = true;
                    must_look = true;
                }
                () = tokio::time::sleep_until(wake_at) => must_look = true,
            }
        }
    }

    /// Reports the length of the queue. Every replica does: one that lost the lease would otherwise export its last
    /// value permanently.
    async fn measure(&mut self) -> anyhow::Result<()> {
        if Instant::now() >= self.count_at {
            let queued = self.dispatcher.notifications.queued(MAX_COUNT).await?;
            metrics::queued(queued);
            self.count_at = Instant::now() + COUNT_INTERVAL;
        }
        Ok(())
    }

    /// Expires abandoned attempts and sends ambiguous notifications that are due.
    async fn poll(&mut self) -> anyhow::Result<()> {
        // Consumers in other replicas do not wake this sender, so they may have queued notifications without a chat.
        self.without_chat = true;
        for expired in self.dispatcher.notifications.expire_attempts(ATTEMPT_EXPIRY).await? {
            report(expired.order, expired.kind, &expired.outcome());
        }
        self.send_ambiguous().await
    }

    /// Acts on the result of a task.
    fn end(&mut self, ended: Result<(Subject, Option<LookUp>), JoinError>) -> anyhow::Result<()> {
        let (subject, result) =
            ended.inspect_err(|_| self.in_progress = InProgress::default()).context("an attempt panicked")?;
        self.in_progress.end(&subject);
        match (subject, result) {
            (Subject::User(user), Some(LookUp::Found { chat, waiting })) => {
                self.send_or_set_chat(user, chat, &waiting);
            }
            (_, Some(LookUp::Unavailable(problem))) if std::mem::take(&mut self.without_chat) => {
                tracing::warn!(problem, "iam unavailable, notifications stay queued");
            }
            _ => {}
        }
        Ok(())
    }
}
