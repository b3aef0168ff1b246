//! `shipyard audit`: waits until no work is pending, reads databases and topics, and reports violated invariants.
//!
//! The exit code is 0 if everything holds, 1 if an invariant is violated, and 3 if a source could not be read or there
//! was nothing to check.

use std::{process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context as _;
use audit::Verdict;
use client::addresses::ShopAddresses;
use operations::{
    audit_run::{self, Outcome},
    facts::{self, Sources},
    receipts::{Receipts, Records},
};
use platform::{
    cli::one_line,
    config::{self, Settings},
};
use uuid::Uuid;

use crate::{data::Data, output};

/// The exit code if a source could not be read or there was nothing to check.
const INCOMPLETE: u8 = 3;

#[derive(clap::Args)]
pub struct Arguments {
    /// Time to wait until no work is pending; after that, the shop is audited as it is
    #[arg(long, default_value = "30s", value_parser = humantime::parse_duration, value_name = "DURATION")]
    wait: Duration,
    /// Print the receipt of this order alone: each invariant that concerns it, with its evidence. Does not wait
    #[arg(long, value_name = "UUID", conflicts_with = "wait")]
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
        return receipt(order, arguments.json, &data).await;
    }
    let outcome = audit(arguments.wait, &data).await?;
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

/// Audits the shop after waiting up to `wait` until no work is pending. Prints its steps to standard error.
pub async fn audit(wait: Duration, data: &Data) -> anyhow::Result<Outcome> {
    let settings = data.running(config::load()?);
    let sources = sources(&settings, data)?;
    let shop = ShopAddresses::from_settings(&settings)?.shop()?;
    let progress: audit_run::OnProgress = Arc::new(|step: &str| eprintln!("{step}"));
    let outcome = audit_run::run(&sources, &shop, wait, facts::bounds(&settings)?, &progress).await;
    sources.databases.close().await;
    outcome
}

/// The sources of the facts. Fails with advice if the variables do not configure them.
pub fn sources(settings: &Settings, data: &Data) -> anyhow::Result<Sources> {
    Sources::from_settings("shipyard-audit", settings).with_context(|| data.advice())
}

/// Prints the receipt, and one line to standard error if an invariant is violated or a database could not be read.
/// Pending work is no failure.
async fn receipt(order: Uuid, json: bool, data: &Data) -> anyhow::Result<Verdict> {
    let settings = data.running(config::load()?);
    let receipts = Receipts::from_settings("shipyard-audit", &settings).with_context(|| data.advice())?.for_operators();
    let records = Records::scan(&settings, order).await?;
    let receipt = receipts.receipt(order, &records).await.with_context(|| format!("order {order} not found"))?;
    if json {
        output::json(&receipt)?;
    } else {
        outln!("{receipt}");
    }
    if receipt.violated().next().is_some() {
        eprintln!("{}", receipt.summary());
        return Ok(Verdict::Broken);
    }
    anyhow::ensure!(receipt.unread.is_empty(), "{}", receipt.unread.join("; "));
    Ok(Verdict::Holds)
}
