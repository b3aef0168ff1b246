//! The console's functions beyond its own database: receipts, and the operators' views and actions.
//!
//! The program passes this value to the console at startup: the audit depends on every service, so the console cannot
//! depend on the audit.

use std::{collections::HashMap, sync::Arc, time::Duration};

use anyhow::Context as _;
use async_trait::async_trait;
use audit::{Finding, Verdict, receipt};
use client::addresses::ShopAddresses;
use console::{
    client::{Audited, Check, CheckState, OnProgress, Operations, Progress},
    model::{
        Discarded, Filter, LetterPage, NewRecord, OutboxState, PartitionLag, Plan, Record, Replayed, ServiceState,
    },
};
use contracts::{
    events::{ROUTES, Topics},
    ids::OrderId,
};
use platform::{auth::Author, clock, config::Settings, kafka};
use tokio::runtime::Handle;
use uuid::Uuid;

use crate::{
    audit_run, backlogs,
    databases::Databases,
    dead_letter_queue::{self, Chosen, DeadLetterQueue, ReadTurn},
    facts::{self, Sources},
    receipts::{DiscardedLetters, Receipts, Records, SeenRecord},
    registry::readable,
    service_states::AdminPorts,
};

/// The application name that PostgreSQL shows.
const NAME: &str = "shipyard-console";
/// The header with an event's id.
const EVENT: &str = "event-uuid";
/// The time limit for the broker. It is shorter than a request's limit, so that the page can name what is missing.
const BROKER_TIMEOUT: Duration = Duration::from_secs(7);
/// How long an audit waits until no work is pending: the default of `shipyard audit`.
const AUDIT_WAIT: Duration = Duration::from_secs(30);

/// Gives the console of this process its operations. Without access to the databases, the console shows everything
/// else.
pub fn provide() {
    console::client::provide(|settings| match ConsoleOperations::from_settings(settings) {
        Ok(operations) => Arc::new(operations),
        Err(error) => {
            tracing::warn!(error = format!("{error:#}"), "receipts and operators' views unavailable");
            console::client::nothing()
        }
    });
}

struct ConsoleOperations {
    receipts: Arc<Receipts>,
    discarded: Arc<DiscardedLetters>,
    databases: Databases,
    admin_ports: AdminPorts,
    topics: Topics,
    kafka: kafka::Config,
    settings: Settings,
    /// Lets one view or dry run read dead letters at a time.
    read_turn: ReadTurn,
}

impl ConsoleOperations {
    fn from_settings(settings: &Settings) -> anyhow::Result<Self> {
        Ok(Self {
            receipts: Arc::new(Receipts::from_settings(NAME, settings)?),
            discarded: Arc::new(DiscardedLetters::new(settings)),
            databases: Databases::of_services(readable(settings), NAME, settings)?,
            admin_ports: AdminPorts::from_settings(settings)?,
            topics: settings.read()?,
            kafka: kafka::Config::load(settings)?,
            settings: settings.clone(),
            read_turn: ReadTurn::default(),
        })
    }

    /// Opens the dead-letter topics. The connection to the broker closes with the queue, since operators rarely need
    /// it.
    fn queue(&self) -> anyhow::Result<DeadLetterQueue> {
        DeadLetterQueue::from_settings(&self.settings)
    }

    /// Returns whether the filter names a topic of no service of this shop.
    fn is_elsewhere(&self, filter: &Filter) -> bool {
        filter.topic.as_deref().is_some_and(|topic| !self.topics.all().contains(&topic))
    }

    fn records(&self, order: OrderId, records: Vec<Record>) -> Records {
        // Older records may have expired before the console read them.
        let since = clock::now() - self.kafka.kafka_topic_retention;
        let read = ROUTES.iter().filter(|route| route.is_of_order());
        Records {
            topics: read.map(|route| (route.topic(&self.topics).to_owned(), Some(since))).collect(),
            records: seen(order, records),
            ..Records::default()
        }
    }
}

/// Converts the records of an order for a receipt. `records` are sorted by position.
fn seen(order: OrderId, records: Vec<Record>) -> Vec<SeenRecord> {
    // In a topic that was made anew, a later record has a lower position.
    let mut lowest: HashMap<(String, i32), i64> = HashMap::new();
    let mut is_current = |record: &NewRecord| {
        let lowest = lowest.entry((record.topic.clone(), record.partition)).or_insert(i64::MAX);
        let is_current = record.offset < *lowest;
        *lowest = record.offset.min(*lowest);
        is_current
    };
    let seen = records.into_iter().rev().map(|Record { record, .. }| SeenRecord {
        is_current: is_current(&record),
        record: audit::facts::Record {
            partition: record.partition,
            offset: record.offset,
            at: record.published_at,
            key: Some(order.uuid()),
            kind: Some(audit::facts::kind(&record.kind)).filter(|kind| !kind.is_empty()),
            event: record.headers[EVENT].as_str().and_then(|text| Uuid::try_parse(text).ok()),
        },
        topic: record.topic,
    });
    let mut seen: Vec<SeenRecord> = seen.collect();
    seen.reverse();
    seen
}

#[async_trait]
impl Operations for ConsoleOperations {
    async fn receipt(&self, order: OrderId, records: Vec<Record>) -> anyhow::Result<Vec<Check>> {
        let records = self.records(order, records);
        let (receipts, discarded, runtime) = (self.receipts.clone(), self.discarded.clone(), Handle::current());
        // The compiler cannot prove the future `Send`, so it runs on one thread.
        let made = tokio::task::spawn_blocking(move || {
            runtime.block_on(receipts.receipt_with_discarded(order.uuid(), records, &discarded))
        });
        // There is no receipt if the order was removed or does not exist yet.
        let receipt = made.await?;
        Ok(receipt.map(|receipt| receipt.checks.into_iter().map(check).collect()).unwrap_or_default())
    }

    async fn services(&self) -> anyhow::Result<Vec<ServiceState>> {
        Ok(self.admin_ports.states().await)
    }

    async fn outboxes(&self) -> anyhow::Result<Vec<OutboxState>> {
        Ok(backlogs::outboxes(&self.databases).await)
    }

    async fn lag(&self) -> anyhow::Result<Vec<PartitionLag>> {
        answered(backlogs::lag(&self.kafka, &self.topics)).await
    }

    async fn dead_letters(&self, filter: &Filter, skip: usize, limit: usize) -> anyhow::Result<LetterPage> {
        if self.is_elsewhere(filter) {
            return Ok(LetterPage::default());
        }
        let (settings, filter) = (self.settings.clone(), filter.clone());
        let read = async move { DeadLetterQueue::from_settings(&settings)?.page(&filter, skip, limit).await };
        answered(self.read_turn.read(read)).await
    }

    async fn plan(&self, filter: &Filter) -> anyhow::Result<Plan> {
        if self.is_elsewhere(filter) {
            return Ok(Plan::default());
        }
        let (settings, chosen) = (self.settings.clone(), Chosen::Matching(filter.clone()));
        let read = async move { DeadLetterQueue::from_settings(&settings)?.plan(&chosen).await };
        answered(self.read_turn.read(read)).await
    }

    async fn replay(&self, filter: &Filter, by: &Author, progress: OnProgress) -> anyhow::Result<Replayed> {
        if self.is_elsewhere(filter) {
            return Ok(Replayed::default());
        }
        let counted = counted(progress, "messages");
        self.queue()?.replay(&Chosen::Matching(filter.clone()), false, by, &counted).await
    }

    async fn discard(
        &self,
        filter: &Filter,
        by: &Author,
        why: &str,
        progress: OnProgress,
    ) -> anyhow::Result<Discarded> {
        if self.is_elsewhere(filter) {
            return Ok(Discarded::default());
        }
        let counted = counted(progress, "dead letters");
        self.queue()?.discard(&Chosen::Matching(filter.clone()), by, why, &counted).await
    }

    async fn audit(&self, progress: OnProgress) -> anyhow::Result<Audited> {
        let (settings, runtime) = (self.settings.clone(), Handle::current());
        // As in `receipt`, the future runs on one thread.
        let audited = tokio::task::spawn_blocking(move || runtime.block_on(audit(&settings, &progress)));
        audited.await.context("auditing")?
    }
}

async fn answered<T>(reading: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::time::timeout(BROKER_TIMEOUT, reading).await.context("Kafka does not answer")?
}

/// Converts the progress callback of the console into that of the dead-letter queue.
fn counted(progress: OnProgress, what: &'static str) -> dead_letter_queue::Progress {
    Arc::new(move |done, total| progress(Progress { step: what.to_owned(), done, total }))
}

/// Audits the shop like `shipyard audit` without arguments.
async fn audit(settings: &Settings, progress: &OnProgress) -> anyhow::Result<Audited> {
    let sources = Sources::from_settings("shipyard-audit", settings)?;
    // The console and the tools have different variables for the address of order's HTTP API.
    let order = settings.get("ORDER_HTTP_ADDRESS");
    let of_tools = order.map_or_else(|| settings.clone(), |order| settings.clone().or("ORDER_URL", order));
    let shop = ShopAddresses::from_settings(&of_tools)?.shop()?;
    let told = progress.clone();
    let on_progress: audit_run::OnProgress =
        Arc::new(move |step: &str| told(Progress { step: step.to_owned(), ..Progress::default() }));
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
    Check {
        invariant: finding.number.to_string(),
        text: finding.invariant.to_owned(),
        state: match finding.verdict {
            Verdict::Holds => CheckState::Held,
            Verdict::NothingToCheck => CheckState::Open,
            Verdict::Broken => CheckState::Violated,
        },
        evidence: rows.chain(missing).chain(finding.notes.iter().cloned()).chain(counted).collect(),
    }
}

fn check(check: receipt::Check) -> Check {
    Check {
        invariant: format!("{}: {}", check.number, check.invariant),
        text: check.text,
        state: match check.state {
            receipt::State::Held => CheckState::Held,
            receipt::State::Open => CheckState::Open,
            receipt::State::Violated => CheckState::Violated,
        },
        evidence: check.evidence,
    }
}
