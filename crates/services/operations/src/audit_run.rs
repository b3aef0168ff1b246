//! A whole audit: waits until no work is pending, reads databases and topics, and checks all invariants.

use std::{fmt, sync::Arc, time::Duration};

use audit::{Facts, Report, facts::Bounds};
use client::shop::Shop;
use serde::Serialize;
use tokio::time::Instant;

use crate::{
    facts::{Sources, fingerprint},
    session_probe::probe,
};

const POLL_INTERVAL: Duration = Duration::from_millis(250);

#[derive(Serialize)]
pub struct Outcome {
    /// Work that was pending during the audit. Its unfinished rows may look like violations.
    pub under_way: Vec<String>,
    #[serde(flatten)]
    pub report: Report,
}

/// A progress callback: what the audit is doing, such as `order.paid: 0 of 2000 records`.
pub type OnProgress = Arc<dyn Fn(&str) + Send + Sync>;

/// Audits the shop after waiting up to `wait` until no work is pending. Registers a user whose login begins with
/// `audit-`, and deletes it.
pub async fn run(
    sources: &Sources,
    shop: &Shop,
    wait: Duration,
    bounds: Bounds,
    progress: &OnProgress,
) -> anyhow::Result<Outcome> {
    let (facts, under_way) = Box::pin(quiet_facts(sources, wait, progress)).await?;
    progress("check that a closed session is rejected");
    let probes = probe(shop).await?;
    let report = audit::check(&Facts { bounds, probes, ..facts });
    Ok(Outcome { under_way, report })
}

impl Outcome {
    /// Fails if an invariant is violated or could not be checked.
    pub fn check(&self) -> anyhow::Result<()> {
        anyhow::ensure!(self.report.holds(), "{}", self.report.summary());
        Ok(())
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.report)?;
        if !self.under_way.is_empty() {
            let pending = self.under_way.join(", ");
            write!(f, "\nWork was pending during the audit and may look like violations: {pending}.")?;
        }
        Ok(())
    }
}

/// Reads all facts once no work is pending, at the latest after `wait`. Also returns the pending work.
async fn quiet_facts(sources: &Sources, wait: Duration, progress: &OnProgress) -> anyhow::Result<(Facts, Vec<String>)> {
    let databases = &sources.databases;
    let until = Instant::now() + wait;
    loop {
        let busy = quiet(sources, until, progress).await?;
        let before = fingerprint(databases).await?;
        progress("read databases and topics");
        let report = progress.clone();
        let of_topics = move |topic: &str, read, all| report(&format!("{topic}: {read} of {all} records"));
        let facts = Box::pin(sources.gather(Arc::new(of_topics))).await?;
        let still = fingerprint(databases).await? == before && sources.under_way().await?.is_empty();
        if (busy.is_empty() && still) || Instant::now() >= until {
            let moved = (busy.is_empty() && !still).then(|| "changes while it was read".to_owned());
            return Ok((facts, busy.into_iter().chain(moved).collect()));
        }
    }
}

/// Returns the work that is still pending at `until`; empty as soon as there is none.
async fn quiet(sources: &Sources, until: Instant, progress: &OnProgress) -> anyhow::Result<Vec<String>> {
    let mut reported = Vec::new();
    loop {
        let busy = sources.under_way().await?;
        if busy.is_empty() || Instant::now() >= until {
            return Ok(busy);
        }
        if busy != reported {
            progress(&format!("wait for {}", busy.join(", ")));
            reported = busy;
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}
