//! `shipyard audit`: waits until no work is pending, reads databases and topics, and reports violated invariants.
//!
//! The exit code is 0 if everything holds, 1 if an invariant is violated, and 3 if a source could not be read or there
//! was nothing to check.

mod progress;
mod receipt;

use std::{process::ExitCode, time::Duration};

use anyhow::Context as _;
use audit::{Verdict, facts::Bounds};
use client::shop::Shop;
use operations::{
    audit_run::{self, Outcome},
    facts::{self, Sources},
};
use platform::{cli::one_line, config::Settings};
use uuid::Uuid;

use self::progress::Progress;
use crate::{data::Data, output};

/// The default of `--grace`.
const GRACE: Duration = Duration::from_mins(1);
/// The exit code if a source could not be read or there was nothing to check.
const INCOMPLETE: u8 = 3;

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
    /// Print the receipt of this order alone: each invariant that concerns it, with its evidence. Does not wait
    #[arg(long, value_name = "UUID", conflicts_with_all = ["wait", "build", "grace"])]
    order: Option<Uuid>,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

/// Returns the exit code of an audit, and prints the error of a failed one.
pub fn exit_code(audited: anyhow::Result<Verdict>) -> ExitCode {
    match audited {
        Ok(Verdict::Holds) => ExitCode::SUCCESS,
        Ok(Verdict::Broken) => ExitCode::FAILURE,
        Ok(Verdict::NothingToCheck) => ExitCode::from(INCOMPLETE),
        Err(error) => {
            eprintln!("{}", one_line(&error));
            ExitCode::from(INCOMPLETE)
        }
    }
}

/// Audits the shop or one order. Prints the report, and one line to standard error if not everything holds.
pub async fn run(arguments: Arguments, data: Data) -> anyhow::Result<Verdict> {
    if let Some(order) = arguments.order {
        return receipt::run(order, arguments.json, &data).await;
    }
    let outcome = audit(&arguments, &data).await?;
    if arguments.json {
        output::json(&outcome)?;
    } else {
        outln!("{outcome}");
    }
    let verdict = outcome.report.verdict();
    if verdict != Verdict::Holds {
        eprintln!("{}", outcome.report.summary());
    }
    Ok(verdict)
}

pub async fn audit(arguments: &Arguments, data: &Data) -> anyhow::Result<Outcome> {
    let settings = data.running(Settings::load()?);
    let sources = sources(&settings, data)?;
    let shop = Shop::from_settings(&settings)?;
    let progress = Progress::new();
    let bounds = bounds(arguments, &settings)?;
    let outcome = audit_run::run(&sources, &shop, arguments.wait, bounds, &progress.shown()).await;
    progress.end();
    sources.databases.close().await;
    outcome
}

/// The sources of the facts. Fails with advice if the variables do not configure them.
pub fn sources(settings: &Settings, data: &Data) -> anyhow::Result<Sources> {
    Sources::from_settings("shipyard-audit", settings).with_context(|| data.advice())
}

impl Arguments {
    /// The default arguments, with this time to wait for pending work.
    pub fn waiting(wait: Duration) -> Self {
        Self { wait, build: None, grace: GRACE, order: None, json: false }
    }
}

fn bounds(arguments: &Arguments, settings: &Settings) -> anyhow::Result<Bounds> {
    let bounds = facts::bounds(settings)?;
    Ok(Bounds { build: arguments.build.unwrap_or(bounds.build), grace: arguments.grace, ..bounds })
}
