//! Measures how soon the system recovers after the cause of a fault is removed.

use std::{collections::HashSet, fmt, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use contracts::events::{ROUTES, Route, producers, route_of};
use drive::customers::Load;
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    cluster::Cluster,
    topics::{self, Progress, Topic},
};
use operations::databases::Databases;
use operations::republish_lost_events::missing;

/// The recovery is observed for at least this long: as long as requests may fail.
const MIN_OBSERVATION: Duration = Duration::from_secs(5);
/// Requests count as recovered when none has failed or been late for this long.
const CALM_FOR: Duration = Duration::from_secs(3);
/// After this time, the system counts as not recovered.
const RECOVERY_TIMEOUT: Duration = Duration::from_mins(1);
const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// Requests may fail for this long after a process that was killed or replaced has been started: a circuit breaker
/// checks its peer at most every 0.4 s.
pub const RESTARTED: Duration = Duration::from_millis(1_500);
/// Recovery includes events written up to this long before the fault.
const EVENTS_BEFORE: TimeDelta = TimeDelta::minutes(2);

/// The state that a fault leaves, from which the system recovers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    Usual,
    /// Nothing is wrong, except that processes have just started: requests may fail for [`RESTARTED`].
    Restarted,
    /// The broker must rejoin its cluster before consumers join their groups: events may take twice as long.
    Fenced,
}

/// The recovery times from the removal of the cause; `None` for a part that did not recover.
#[derive(Clone, Copy, Debug)]
pub struct Recovery {
    /// Until the last request that failed or was late.
    pub requests: Option<Duration>,
    /// Until every event written before the removal has reached every consumer.
    pub events: Option<Duration>,
    /// Until every payment begun before the removal has a known outcome, and every refund is made.
    pub payments: Option<Duration>,
}

#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub requests: Duration,
    pub events: Duration,
    pub payments: Duration,
    /// The factor in the bounds, for a busy machine.
    pub slack: u32,
}

impl Bounds {
    /// Returns the promised times, multiplied by `slack`. librdkafka's mock takes longer to reassign a dead consumer's
    /// partitions: events may take twice as long.
    pub fn new(slack: u32, real_broker: bool) -> Self {
        let events = Duration::from_secs(if real_broker { 10 } else { 20 });
        let (requests, payments) = (Duration::from_secs(5), Duration::from_secs(30));
        Self { requests: requests * slack, events: events * slack, payments: payments * slack, slack }
    }

    pub fn after(&self, after: After) -> Self {
        match after {
            After::Usual => *self,
            After::Restarted => Self { requests: RESTARTED * self.slack, ..*self },
            After::Fenced => Self { events: self.events * 2, ..*self },
        }
    }
}

/// The times at which a fault began and its cause was removed, by wall clock and monotonic clock.
#[derive(Clone, Copy)]
pub struct FaultWindow {
    pub begun: DateTime<Utc>,
    pub ended: DateTime<Utc>,
    pub at: Instant,
}

impl Recovery {
    /// Returns one sentence for each time that exceeds its bound.
    pub fn excesses(&self, bounds: &Bounds) -> Vec<String> {
        let parts = [
            ("requests fail", self.requests, bounds.requests),
            ("events are missing", self.events, bounds.events),
            ("payments are open", self.payments, bounds.payments),
        ];
        let late = parts.into_iter().filter_map(|(what, took, bound)| {
            let allowed = bound.as_secs_f64();
            match took {
                Some(took) if took <= bound => None,
                Some(took) => {
                    Some(format!("{what} {:.1} s after the cause was gone, not {allowed} s", took.as_secs_f64()))
                }
                None => Some(format!("{what} for longer than is watched after the cause was gone, not {allowed} s")),
            }
        });
        late.collect()
    }
}

impl fmt::Display for Recovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds =
            |time: Option<Duration>| time.map_or("-".to_owned(), |time| format!("{:.1} s", time.as_secs_f64()));
        let (requests, events, payments) = (seconds(self.requests), seconds(self.events), seconds(self.payments));
        write!(f, "requests after {requests}, events after {events}, payments after {payments}")
    }
}

/// Waits until the system has recovered, at most [`RECOVERY_TIMEOUT`] times `slack`. The load continues meanwhile.
pub async fn watch(cluster: &Cluster, load: &Load, span: FaultWindow, slack: u32) -> Recovery {
    let limit = RECOVERY_TIMEOUT * slack;
    let mut outstanding = OutstandingEvents::default();
    let (mut events, mut payments) = (None, None);
    loop {
        let elapsed = span.at.elapsed();
        // A database that is still unavailable counts as not recovered.
        if events.is_none() && outstanding.is_settled(cluster, span).await.unwrap_or(false) {
            events = Some(elapsed);
        }
        if payments.is_none() && open_payments(&cluster.sources.databases, span).await.is_ok_and(|open| open == 0) {
            payments = Some(elapsed);
        }
        let (failed, succeeded) = {
            let measured = load.journal.measurements();
            (measured.last_failure(span.at), measured.first_success(span.at))
        };
        let requests = failed.map_or(Duration::ZERO, |failed| failed - span.at);
        let calm = elapsed.saturating_sub(requests) >= CALM_FOR
            && load.journal.waiting_since().is_none_or(|since| since.elapsed() < CALM_FOR)
            && succeeded.is_some();
        let done = events.is_some() && payments.is_some() && calm;
        if (done && elapsed >= MIN_OBSERVATION) || elapsed >= limit {
            return Recovery { requests: calm.then_some(requests), events, payments };
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// The events written before the end of the fault that some consumer has not received.
#[derive(Default)]
struct OutstandingEvents {
    /// The events that some consumer has not received; `None` until the first read.
    left: Option<Vec<(&'static Route, Uuid)>>,
    /// The topics at the first read. They may contain duplicates.
    topics: Vec<Topic>,
}

impl OutstandingEvents {
    async fn is_settled(&mut self, cluster: &Cluster, span: FaultWindow) -> anyhow::Result<bool> {
        let databases = &cluster.sources.databases;
        let all = if let Some(left) = self.left.take() {
            left
        } else {
            self.topics = topics::all(cluster).await?;
            written(databases, span).await?
        };
        let mut left = Vec::new();
        for route in const { &ROUTES } {
            let uuids: Vec<Uuid> = all.iter().filter(|(of, _)| of.kind == route.kind).map(|(_, uuid)| *uuid).collect();
            let unpublished = unpublished(databases, route, &uuids).await?;
            let uncommitted = missing(databases, route.kind, &uuids).await?;
            let waits = |uuid: &Uuid| unpublished.contains(uuid) || uncommitted.contains(uuid);
            left.extend(uuids.into_iter().filter(waits).map(|uuid| (route, uuid)));
        }
        let over = left.is_empty();
        self.left = Some(left);
        Ok(over && self.are_committed(cluster).await?)
    }

    /// Returns true when every consumer has committed the offsets of all records that the topics had when `self.topics`
    /// was read. The end of an account does not count: order waits 15 s for the user's last request.
    async fn are_committed(&self, cluster: &Cluster) -> anyhow::Result<bool> {
        let mut progress = topics::progress(cluster).await?;
        progress.retain(Progress::has_inbox);
        let then = |topic: &Topic| self.topics.iter().find(|then| then.name == topic.name);
        Ok(progress.iter().all(|one| then(&one.topic).is_none_or(|then| one.uncommitted_of(then) == 0)))
    }
}

async fn written(databases: &Databases, span: FaultWindow) -> anyhow::Result<Vec<(&'static Route, Uuid)>> {
    let mut written = Vec::new();
    for producer in producers() {
        let rows: Vec<(String, Uuid)> =
            sqlx::query_as("select event_type, event_uuid from outbox where created_at between $1 and $2")
                .bind(span.begun - EVENTS_BEFORE)
                .bind(span.ended)
                .fetch_all(databases.named(producer)?)
                .await?;
        written.extend(rows.into_iter().filter_map(|(kind, uuid)| Some((route_of(&kind)?, uuid))));
    }
    Ok(written)
}

async fn unpublished(databases: &Databases, route: &Route, events: &[Uuid]) -> anyhow::Result<HashSet<Uuid>> {
    let rows = sqlx::query_scalar("select event_uuid from outbox where event_uuid = any($1) and published_at is null")
        .bind(events)
        .fetch_all(databases.named(route.producer)?)
        .await?;
    Ok(rows.into_iter().collect())
}

async fn open_payments(databases: &Databases, span: FaultWindow) -> anyhow::Result<i64> {
    let attempts: i64 =
        sqlx::query_scalar("select count(*) from orders where attempt_method is not null and updated_at <= $1")
            .bind(span.ended)
            .fetch_one(databases.get(&order::SERVICE)?)
            .await?;
    let payments: i64 = sqlx::query_scalar(
        "select (select count(*) from payments where status in ('pending', 'refunding') and created_at <= $1)
            + (select count(*) from partial_refunds where status = 'refunding' and created_at <= $1)",
    )
    .bind(span.ended)
    .fetch_one(databases.get(&payment::SERVICE)?)
    .await?;
    Ok(attempts + payments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recovery_beyond_its_bound_is_reported() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        let late = Recovery { requests: seconds(6), events: seconds(10), payments: None };

        let (strict, slack) = (late.excesses(&Bounds::new(1, true)), late.excesses(&Bounds::new(2, true)));

        let open = "payments are open for longer than is watched after the cause was gone";
        assert_eq!(
            strict,
            ["requests fail 6.0 s after the cause was gone, not 5 s".to_owned(), format!("{open}, not 30 s")]
        );
        assert_eq!(slack, [format!("{open}, not 60 s")]);
    }
}
