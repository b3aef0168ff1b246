//! How soon the shop is itself again once the cause of a fault is gone.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use events::{PRODUCERS, route_of};
use tokio::time::Instant;
use uuid::Uuid;

use super::{load::Load, world::World};
use crate::{databases::Databases, republish::missing, services::Service};

/// How long a recovery is watched at least: as long as requests may fail.
const WATCHED: Duration = Duration::from_secs(6);
/// After this the shop counts as not recovered.
const PATIENCE: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(250);
/// Events are waited for that are at most so much older than the fault.
const BEFORE: TimeDelta = TimeDelta::minutes(2);

/// The times from the end of the cause, each nothing where it did not come to an end.
#[derive(Clone, Copy, Debug)]
pub struct Recovery {
    /// Until the last request that failed.
    pub requests: Option<Duration>,
    /// Until every event written before has reached every consumer.
    pub events: Option<Duration>,
    /// Until the outcome of every payment begun before is known, and every refund is made.
    pub payments: Option<Duration>,
}

/// How long each may take, as the project promises it.
pub const BOUNDS: Recovery = Recovery {
    requests: Some(Duration::from_secs(5)),
    events: Some(Duration::from_secs(10)),
    payments: Some(Duration::from_secs(30)),
};

/// When a fault began and when its cause was gone, by both clocks.
#[derive(Clone, Copy)]
pub struct Span {
    pub begun: DateTime<Utc>,
    pub ended: DateTime<Utc>,
    pub at: Instant,
}

impl Recovery {
    /// What took longer than it may, each a sentence. On a machine that is busy otherwise it may take `slack` times as long.
    pub fn excesses(&self, slack: u32) -> Vec<String> {
        let parts = [
            ("requests fail", self.requests, BOUNDS.requests),
            ("events are missing", self.events, BOUNDS.events),
            ("payments are open", self.payments, BOUNDS.payments),
        ];
        let late = parts.into_iter().filter_map(|(what, took, bound)| {
            let bound = bound? * slack;
            match took {
                Some(took) if took <= bound => None,
                Some(took) => Some(format!(
                    "{what} {:.1} s after the cause was gone, not {} s",
                    took.as_secs_f64(),
                    bound.as_secs()
                )),
                None => Some(format!("{what} {} s after the cause was gone", PATIENCE.as_secs())),
            }
        });
        late.collect()
    }
}

/// Watches until all is well again. The load goes on meanwhile.
pub async fn watch(world: &World, load: &Load, span: Span) -> anyhow::Result<Recovery> {
    let databases = &world.sources.databases;
    let (mut events, mut payments) = (None, None);
    loop {
        let elapsed = span.at.elapsed();
        if events.is_none() && waiting_events(databases, span).await? == 0 {
            events = Some(elapsed);
        }
        if payments.is_none() && open_payments(databases, span).await? == 0 {
            payments = Some(elapsed);
        }
        let failed = load.last_failure(span.at);
        let calm = failed.is_none_or(|failed| failed.elapsed() > WATCHED / 2);
        let requests = || Some(failed.map_or(Duration::ZERO, |failed| failed - span.at));
        let done = events.is_some() && payments.is_some() && calm;
        if (done && elapsed >= WATCHED) || elapsed >= PATIENCE {
            return Ok(Recovery { requests: if calm { requests() } else { None }, events, payments });
        }
        world.fleet.measure();
        tokio::time::sleep(POLL).await;
    }
}

/// How many events of before the end of the fault are still on their way to somebody.
async fn waiting_events(databases: &Databases, span: Span) -> anyhow::Result<usize> {
    let mut waiting = 0;
    for producer in PRODUCERS {
        let rows: Vec<(String, Uuid, bool)> = sqlx::query_as(
            "select event_type, event_uuid, published_at is not null from outbox where created_at between $1 and $2",
        )
        .bind(span.begun - BEFORE)
        .bind(span.ended)
        .fetch_all(databases.named(producer)?)
        .await?;
        waiting += rows.iter().filter(|(.., published)| !published).count();
        let mut kinds: Vec<&str> = rows.iter().map(|(kind, ..)| kind.as_str()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        for kind in kinds.into_iter().filter(|kind| route_of(kind).is_some()) {
            let uuids: Vec<Uuid> = rows
                .iter()
                .filter(|(name, _, published)| name == kind && *published)
                .map(|(_, uuid, _)| *uuid)
                .collect();
            waiting += missing(databases, kind, &uuids).await?.len();
        }
    }
    Ok(waiting)
}

async fn open_payments(databases: &Databases, span: Span) -> anyhow::Result<i64> {
    let attempts: i64 =
        sqlx::query_scalar("select count(*) from orders where attempt_method is not null and updated_at <= $1")
            .bind(span.ended)
            .fetch_one(databases.get(Service::Order)?)
            .await?;
    let payments: i64 = sqlx::query_scalar(
        "select count(*) from payments where status in ('pending', 'refunding') and created_at <= $1",
    )
    .bind(span.ended)
    .fetch_one(databases.get(Service::Payment)?)
    .await?;
    Ok(attempts + payments)
}
