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

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum Progress {
    Begun {
        step: &'static str,
    },
    /// What the step is doing, such as `order.paid: 1000 of 2000 records`.
    Said {
        text: String,
    },
    /// The step's result in a few words, and how long it took.
    Ended {
        step: &'static str,
        seconds: f64,
        text: String,
    },
}

pub type OnProgress = Arc<dyn Fn(Progress) + Send + Sync>;

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
    let probes = step(progress, "check that a closed session is rejected", probe(shop)).await?;
    let report = audit::check(&Facts { bounds, probes, ..facts });
    Ok(Outcome { under_way, report })
}

/// Runs one step, which returns its result and a remark.
async fn step<T>(
    progress: &OnProgress,
    step: &'static str,
    work: impl Future<Output = anyhow::Result<(T, String)>>,
) -> anyhow::Result<T> {
    let begun = Instant::now();
    progress(Progress::Begun { step });
    let (result, text) = work.await?;
    progress(Progress::Ended { step, seconds: begun.elapsed().as_secs_f64(), text });
    Ok(result)
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
        let busy = step(progress, "wait until no work is pending", quiet(sources, until, progress)).await?;
        let before = fingerprint(databases).await?;
        let facts = step(progress, "read databases and topics", Box::pin(read(sources, progress))).await?;
        let still = fingerprint(databases).await? == before && sources.under_way().await?.is_empty();
        if (busy.is_empty() && still) || Instant::now() >= until {
            let moved = (busy.is_empty() && !still).then(|| "changes while it was read".to_owned());
            return Ok((facts, busy.into_iter().chain(moved).collect()));
        }
    }
}

async fn quiet(sources: &Sources, until: Instant, progress: &OnProgress) -> anyhow::Result<(Vec<String>, String)> {
    loop {
        let busy = sources.under_way().await?;
        if busy.is_empty() {
            return Ok((busy, String::new()));
        }
        if Instant::now() >= until {
            let text = format!("still pending: {}", busy.join(", "));
            return Ok((busy, text));
        }
        progress(Progress::Said { text: busy.join(", ") });
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

async fn read(sources: &Sources, progress: &OnProgress) -> anyhow::Result<(Facts, String)> {
    let told = progress.clone();
    let of_topics = move |topic: &str, read, all| {
        told(Progress::Said { text: format!("{topic}: {read} of {all} records") });
    };
    let facts = sources.gather(Arc::new(of_topics)).await?;
    let records: usize = facts.logs.iter().map(|log| log.records.len()).sum();
    let text = format!("{} orders, {} outbox rows, {records} records", facts.orders.len(), facts.outbox.len());
    Ok((facts, text))
}
