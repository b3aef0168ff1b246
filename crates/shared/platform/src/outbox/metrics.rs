//! Outbox metrics: size and age of the backlog, rows set aside.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use tokio::time::Instant;

use super::{Backlog, Outbox, Unpublished};

/// How often the rows that wait are counted.
const PERIOD: Duration = Duration::from_secs(5);
/// Counting takes at most this fraction (one part in 50) of the time: a long queue is counted less often.
const SHARE: u32 = 50;

/// The metrics of one outbox, under the name of its service. Each replica reports the same backlog: take their maximum.
pub struct Metrics {
    name: &'static str,
    /// True while rows are set aside, so that it is logged once.
    alarmed: AtomicBool,
}

impl Metrics {
    pub fn new(name: &'static str) -> Self {
        metrics::counter!("outbox_published_total").increment(0);
        metrics::counter!("outbox_set_aside_total", "outbox" => name).increment(0);
        let this = Self { name, alarmed: AtomicBool::new(false) };
        this.tell(&Backlog::default());
        this
    }

    pub fn published(count: usize) {
        metrics::counter!("outbox_published_total").increment(count as u64);
    }

    pub fn set_aside(&self, rows: &[Unpublished]) {
        metrics::counter!("outbox_set_aside_total", "outbox" => self.name).increment(rows.len() as u64);
        if let Some(row) = rows.first() {
            self.alarm(|| {
                tracing::error!(
                    outbox = self.name,
                    event_type = row.event_type,
                    key = %row.key,
                    event_uuid = %row.event_uuid,
                    count = rows.len(),
                    "events that cannot be routed are set aside, with all later ones of their keys"
                );
            });
        }
    }

    /// Counts the backlog periodically.
    pub async fn keep_counting(&self, outbox: &dyn Outbox) {
        loop {
            let begun = Instant::now();
            match outbox.backlog().await {
                Ok(backlog) => self.tell(&backlog),
                // The relay reports a database that does not answer.
                Err(error) => tracing::debug!(outbox = self.name, error = format!("{error:#}"), "not counted"),
            }
            tokio::time::sleep(PERIOD.max(begun.elapsed() * SHARE)).await;
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts end far below 2^52")]
    fn tell(&self, backlog: &Backlog) {
        metrics::gauge!("outbox_unpublished", "outbox" => self.name).set(backlog.waiting as f64);
        metrics::gauge!("outbox_unroutable", "outbox" => self.name).set(backlog.set_aside as f64);
        metrics::gauge!("outbox_oldest_seconds", "outbox" => self.name).set(backlog.oldest.as_secs_f64());
        if backlog.set_aside > 0 {
            self.alarm(|| tracing::error!(outbox = self.name, count = backlog.set_aside, "events are set aside"));
        } else if self.alarmed.swap(false, Ordering::Relaxed) {
            tracing::info!(outbox = self.name, "no event is set aside any more");
        }
    }

    /// Logs once until nothing is set aside any more.
    fn alarm(&self, log: impl FnOnce()) {
        if !self.alarmed.swap(true, Ordering::Relaxed) {
            log();
        }
    }
}
