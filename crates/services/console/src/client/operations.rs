//! The operations that need the databases of other services, which the program `shipyard` provides: receipts, by the
//! rules of the audit, and what operators see and do.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use contracts::ids::OrderId;
use platform::{auth::Author, config::Settings};
use serde::Serialize;

use crate::model::{Discarded, Filter, LetterPage, OutboxState, PartitionLag, Plan, Record, Replayed, ServiceState};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckState {
    Held,
    /// Not known yet: work is under way, or a database does not respond.
    Open,
    Violated,
}

/// One line of a receipt.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    pub invariant: String,
    pub text: String,
    pub state: CheckState,
    /// The rows and records that prove the invariant, or the row and reason of a violation.
    pub evidence: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// What the action is doing now.
    pub step: String,
    /// The number of items that are done, out of `total`. Both are 0 while the action counts no items.
    pub done: usize,
    pub total: usize,
}

pub type OnProgress = Arc<dyn Fn(Progress) + Send + Sync>;

#[derive(Clone, Debug, Serialize)]
pub struct Audited {
    /// True if every invariant was checked and holds.
    pub holds: bool,
    pub summary: String,
    /// What `shipyard audit` prints.
    pub report: String,
    pub checks: Vec<Check>,
}

/// Without an implementation, each fails: the process may not read the other services' databases.
/// Without an implementation, each fails: the process may not read the other services' databases.
#[async_trait]
pub trait Operations: Send + Sync {
    /// Checks every invariant that concerns the order. `records` are the topics' records with the order's key, in
    /// their order; their payloads may be missing.
    async fn receipt(&self, _order: OrderId, _records: Vec<Record>) -> anyhow::Result<Vec<Check>> {
        nothing_is_read()
    }

    async fn services(&self) -> anyhow::Result<Vec<ServiceState>> {
        nothing_is_read()
    }

    /// Returns the outbox of each service that has one.
    async fn outboxes(&self) -> anyhow::Result<Vec<OutboxState>> {
        nothing_is_read()
    }

    async fn lag(&self) -> anyhow::Result<Vec<PartitionLag>> {
        nothing_is_read()
    }

    /// Returns `limit` of the pending dead letters that match, after the first `skip`, the oldest first.
    async fn dead_letters(&self, _filter: &Filter, _skip: usize, _limit: usize) -> anyhow::Result<LetterPage> {
        nothing_is_read()
    }

    /// Returns what a replay of the pending dead letters that match would do.
    async fn plan(&self, _filter: &Filter) -> anyhow::Result<Plan> {
        nothing_is_read()
    }

    /// Publishes the pending dead letters that match to their topics again. `by` is the operator. Fails if one of them
    /// concerns the operator's own order or customer.
    async fn replay(&self, _filter: &Filter, _by: &Author, _progress: OnProgress) -> anyhow::Result<Replayed> {
        nothing_is_read()
    }

    /// Marks the pending dead letters that match as discarded, for the reason `why`.
    async fn discard(
        &self,
        _filter: &Filter,
        _by: &Author,
        _why: &str,
        _progress: OnProgress,
    ) -> anyhow::Result<Discarded> {
        nothing_is_read()
    }

    /// Audits the whole shop, as `shipyard audit` does.
    async fn audit(&self, _progress: OnProgress) -> anyhow::Result<Audited> {
        nothing_is_read()
    }
}

/// Creates the operations from the variables of the process.
pub type Make = fn(&Settings) -> Arc<dyn Operations>;

static MAKE: OnceLock<Make> = OnceLock::new();

/// Sets the operations of this process. The program `shipyard` calls this before it starts a service: the audit depends
/// on every service, so no service can depend on the audit. Only the first call has an effect.
pub fn provide(make: Make) {
    let _ = MAKE.set(make);
}

pub fn operations(settings: &Settings) -> Arc<dyn Operations> {
    MAKE.get().map_or_else(nothing, |make| make(settings))
}

/// Returns the operations of a process that may not read the other services' databases.
pub fn nothing() -> Arc<dyn Operations> {
    Arc::new(Nothing)
}

struct Nothing;

fn nothing_is_read<T>() -> anyhow::Result<T> {
    anyhow::bail!("this process may not read the databases of the other services")
}

impl Operations for Nothing {}
