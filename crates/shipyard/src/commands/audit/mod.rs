//! `shipyard audit`: waits until no work is pending, reads databases and topics, and reports violated invariants.

mod progress;

use std::{fmt, time::Duration};

use anyhow::Context as _;
use audit::{Facts, Report, facts::Bounds};
use platform::config::Settings;
use serde::Serialize;
use tokio::time::Instant;

use self::progress::Progress;
use crate::data::Data;
use client::shop::Shop;
use operations::facts::{Sources, fingerprint, under_way};
use operations::session_probe::probe;

/// The interval between two checks for pending work.
const POLL: Duration = Duration::from_millis(250);
/// The default of `--grace`: an effect that is missing for longer counts as a violation.
const GRACE: Duration = Duration::from_mins(1);
/// The default of `ASSEMBLY_BUILD_MAX`.
const BUILD_MAX: Duration = Duration::from_secs(10);
/// The default of `DELIVERY_MOVE_EVERY`.
const STEP: Duration = Duration::from_secs(1);

#[derive(clap::Args)]
pub struct Arguments {
    /// Time to wait until no work is pending; after that, the shop is audited as it is
    #[arg(long, default_value = "30s", value_parser = humantime::parse_duration, value_name = "DURATION")]
    wait: Duration,
    /// The longest build time of a ship (default: ASSEMBLY_BUILD_MAX, or 10s)
    #[arg(long, value_parser = humantime::parse_duration, value_name = "DURATION")]
    build: Option<Duration>,
    /// Time after which a missing effect counts as a violation
    #[arg(long, default_value = "60s", value_parser = humantime::parse_duration, value_name = "DURATION")]
    grace: Duration,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

/// The result of an audit.
#[derive(Serialize)]
pub struct Outcome {
    /// Work that was pending during the audit. Its unfinished rows may look like violations.
    under_way: Vec<String>,
    #[serde(flatten)]
    report: Report,
}

/// Audits the shop. Fails if an invariant is violated or could not be checked.
pub async fn run(arguments: Arguments, data: Data) -> anyhow::Result<()> {
    let outcome = audit(&arguments, &data).await?;
    if arguments.json {
        serde_json::to_writer_pretty(std::io::stdout().lock(), &outcome)?;
        println!();
    } else {
        println!("{outcome}");
    }
    outcome.check()
}

/// Audits the shop.
pub async fn audit(arguments: &Arguments, data: &Data) -> anyhow::Result<Outcome> {
    let settings = data.running(Settings::load()?);
    let sources = sources(&settings, data)?;
    let shop = Shop::of(&settings)?;
    let progress = Progress::new();
    let (facts, under_way) = Box::pin(quiet_facts(&sources, arguments.wait, &progress)).await?;
    let probes = progress.step("check that a closed session is rejected", probe(&shop)).await?;
    sources.databases.close().await;
    let report = audit::check(&Facts { bounds: bounds(arguments, &settings)?, probes, ..facts });
    progress.end();
    Ok(Outcome { under_way, report })
}

/// Returns the sources of the facts. Fails with advice if the variables do not configure them.
pub fn sources(settings: &Settings, data: &Data) -> anyhow::Result<Sources> {
    Sources::of("shipyard-audit", settings).with_context(|| data.advice())
}

impl Arguments {
    /// Returns the default arguments with `wait` as the time to wait for pending work.
    pub fn waiting(wait: Duration) -> Self {
        Self { wait, build: None, grace: GRACE, json: false }
    }
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

/// Reads all facts while no work is pending, or after `wait` in any case. Also returns the pending work.
async fn quiet_facts(sources: &Sources, wait: Duration, progress: &Progress) -> anyhow::Result<(Facts, Vec<String>)> {
    let databases = &sources.databases;
    let until = Instant::now() + wait;
    loop {
        let busy = progress.step("wait until no work is pending", quiet(sources, until, progress)).await?;
        let before = fingerprint(databases).await?;
        let facts = progress.step("read databases and topics", Box::pin(read(sources, progress))).await?;
        let still = fingerprint(databases).await? == before && under_way(databases).await?.is_empty();
        if (busy.is_empty() && still) || Instant::now() >= until {
            let moved = (busy.is_empty() && !still).then(|| "changes while it was read".to_owned());
            return Ok((facts, busy.into_iter().chain(moved).collect()));
        }
    }
}

async fn quiet(sources: &Sources, until: Instant, progress: &Progress) -> anyhow::Result<(Vec<String>, String)> {
    loop {
        let busy = under_way(&sources.databases).await?;
        if busy.is_empty() {
            return Ok((busy, String::new()));
        }
        if Instant::now() >= until {
            let said = format!("still pending: {}", busy.join(", "));
            return Ok((busy, said));
        }
        progress.say(&busy.join(", "));
        tokio::time::sleep(POLL).await;
    }
}

async fn read(sources: &Sources, progress: &Progress) -> anyhow::Result<(Facts, String)> {
    let facts = sources.gather(progress.of_topics()).await?;
    let records: usize = facts.logs.iter().map(|log| log.records.len()).sum();
    let said = format!("{} orders, {} outbox rows, {records} records", facts.orders.len(), facts.outbox.len());
    Ok((facts, said))
}

fn bounds(arguments: &Arguments, settings: &Settings) -> anyhow::Result<Bounds> {
    let configured = |variable| settings.get(variable).map(humantime::parse_duration).transpose();
    let build = arguments.build.or(configured("ASSEMBLY_BUILD_MAX")?).unwrap_or(BUILD_MAX);
    let step = configured("DELIVERY_MOVE_EVERY")?.unwrap_or(STEP);
    Ok(Bounds { build, step, grace: arguments.grace })
}
