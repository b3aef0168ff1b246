//! Audits of the whole shop, one at a time, like `shipyard audit` without arguments.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use audit::{Finding, Verdict};
use client::addresses::ShopAddresses;
use contracts::{
    ids::UserId,
    proto::operations::v1::{Audited, Check, CheckState},
};
use platform::config::Settings;
use tokio::runtime::Handle;

use super::{
    actions::{Actions, LongAction},
    long_actions::OnProgress,
};
use crate::{
    audit_run,
    error::Error,
    facts::{self, Sources},
    repository::{Now, PgWork},
};

/// The maximum time that an audit waits until no work is pending: the default of `shipyard audit`.
const AUDIT_WAIT: Duration = Duration::from_secs(30);

#[derive(Clone)]
pub struct Audits {
    settings: Settings,
    actions: Actions,
    work: PgWork,
}

impl Audits {
    /// `work` has the kind `audit`.
    pub fn new(settings: Settings, actions: Actions, work: PgWork) -> Self {
        Self { settings, actions, work }
    }

    pub async fn work(&self) -> Result<Now<Audited>, Error> {
        self.work.now().await
    }

    /// Begins an audit.
    pub async fn begin(&self, operator: UserId) -> Result<(), Error> {
        let action = LongAction {
            operator,
            title: "Auditing the shop",
            action: "audit",
            subject: String::new(),
            busy: "an audit is running; wait until it has ended",
        };
        let settings = self.settings.clone();
        let run = move |progress: OnProgress| async move {
            let runtime = Handle::current();
            // The compiler cannot prove the future `Send`, so it runs on one thread.
            let audited = tokio::task::spawn_blocking(move || runtime.block_on(audit(&settings, &progress)));
            anyhow::Ok(audited.await.context("auditing")??)
        };
        self.actions.begin_long(action, &self.work, run, |audited: &Audited| audited.summary.clone()).await
    }
}

async fn audit(settings: &Settings, progress: &OnProgress) -> anyhow::Result<Audited> {
    let sources = Sources::from_settings("shipyard-audit", settings)?;
    // The services and the tools have different variables for the address of order's HTTP API.
    let order = settings.get("ORDER_HTTP_ADDRESS");
    let of_tools = order.map_or_else(|| settings.clone(), |order| settings.clone().or("ORDER_URL", order));
    let shop = ShopAddresses::from_settings(&of_tools)?.shop()?;
    let report = progress.clone();
    let on_progress: audit_run::OnProgress = Arc::new(move |step: &str| report(step, 0, 0));
    let outcome = audit_run::run(&sources, &shop, AUDIT_WAIT, facts::bounds(settings)?, &on_progress).await;
    sources.databases.close().await;
    let outcome = outcome?;
    Ok(Audited {
        holds: outcome.report.holds(),
        summary: outcome.report.summary(),
        report: outcome.to_string(),
        checks: outcome.report.findings.iter().map(finding).collect(),
    })
}

fn finding(finding: &Finding) -> Check {
    let rows = finding.violations.iter().map(|violation| format!("{}: {}", violation.row, violation.problem));
    let missing = finding.missing.iter().map(|what| format!("not checked: {what}"));
    let counted = finding.counted.iter().map(|count| format!("{} {}", count.count, count.of));
    let evidence = rows.chain(missing).chain(finding.notes.iter().cloned()).chain(counted);
    let state = match finding.verdict {
        Verdict::Holds => CheckState::Held,
        Verdict::NothingToCheck => CheckState::Open,
        Verdict::Broken => CheckState::Violated,
    };
    Check {
        invariant: finding.number.to_string(),
        text: finding.invariant.to_owned(),
        state: state.into(),
        evidence: evidence.collect(),
    }
}
