//! Metrics of an outbox: size and age of the backlog, the number of rows that are set aside, and of refused events.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use tokio::time::Instant;
use uuid::Uuid;

use crate::{Backlog, Outbox, Refused, Unpublished};

/// The shortest and the longest delay between two counts of the backlog.
const MIN_COUNT_DELAY: Duration = Duration::from_secs(5);
const MAX_COUNT_DELAY: Duration = Duration::from_mins(1);
/// Between those bounds, the delay lasts this many times as long as the previous count. So a long backlog is counted
/// less often, and counts of up to a second take at most 2 % of the time.
const DELAY_PER_COUNT: u32 = 50;

/// The metrics of one outbox, labelled with the name of its service. Each replica reports the same backlog, so
/// dashboards take the maximum.
pub struct Metrics {
    name: &'static str,
    alarmed: AtomicBool,
    refused: AtomicBool,
}

impl Metrics {
    pub fn new<'t>(name: &'static str, topics: impl IntoIterator<Item = &'t String>) -> Self {
        metrics::counter!("outbox_published_total").increment(0);
        metrics::counter!("outbox_set_aside_total", "outbox" => name).increment(0);
        let this = Self { name, alarmed: AtomicBool::default(), refused: AtomicBool::default() };
        this.export(&Backlog::default());
        for topic in topics {
            metrics::counter!("outbox_refused_total", "outbox" => name, "topic" => topic.clone()).increment(0);
        }
        this
    }

    /// Counts a refused record, or one not acknowledged in time.
    pub fn refused(&self, topic: &str, key: Uuid, refused: &Refused) {
        metrics::counter!("outbox_refused_total", "outbox" => self.name, "topic" => topic.to_owned()).increment(1);
        alarm(&self.refused, || {
            let error = format!("{:#}", refused.error);
            tracing::error!(
                outbox = self.name,
                topic,
                %key,
                error,
                "an event is refused and set aside, with all later ones of its key"
            );
        });
    }

    pub fn published(count: usize) {
        metrics::counter!("outbox_published_total").increment(count as u64);
    }

    pub fn count_set_aside(&self, rows: usize) {
        metrics::counter!("outbox_set_aside_total", "outbox" => self.name).increment(rows as u64);
    }

    pub fn set_aside(&self, rows: &[Unpublished]) {
        self.count_set_aside(rows.len());
        if let Some(row) = rows.first() {
            alarm(&self.alarmed, || {
                tracing::error!(
                    outbox = self.name,
                    event_type = row.event_type,
                    event_uuid = %row.event_uuid,
                    count = rows.len(),
                    "events are set aside, with all later ones of their keys"
                );
            });
        }
    }

    /// Counts the backlog periodically and exports the result. Never returns.
    pub async fn keep_counting(&self, outbox: &dyn Outbox) {
        loop {
            let begun = Instant::now();
            match outbox.backlog().await {
                Ok(backlog) => self.export(&backlog),
                // The relay logs the outage.
                Err(error) => {
                    tracing::debug!(outbox = self.name, error = format!("{error:#}"), "outbox backlog unavailable");
                }
            }
            tokio::time::sleep((begun.elapsed() * DELAY_PER_COUNT).clamp(MIN_COUNT_DELAY, MAX_COUNT_DELAY)).await;
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts end far below 2^52")]
    fn export(&self, backlog: &Backlog) {
        metrics::gauge!("outbox_unpublished", "outbox" => self.name).set(backlog.waiting as f64);
        metrics::gauge!("outbox_unroutable", "outbox" => self.name).set(backlog.set_aside as f64);
        metrics::gauge!("outbox_oldest_seconds", "outbox" => self.name).set(backlog.oldest.as_secs_f64());
        if backlog.set_aside > 0 {
            alarm(&self.alarmed, || {
                tracing::error!(outbox = self.name, count = backlog.set_aside, "events are set aside");
            });
        } else if self.alarmed.swap(false, Ordering::Relaxed) {
            self.refused.store(false, Ordering::Relaxed);
            tracing::info!(outbox = self.name, "no event is set aside any more");
        }
    }
}

/// Calls `log` unless `alarmed` is set already, and sets it.
fn alarm(alarmed: &AtomicBool, log: impl FnOnce()) {
    if !alarmed.swap(true, Ordering::Relaxed) {
        log();
    }
}
